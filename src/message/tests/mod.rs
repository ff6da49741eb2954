//! Tests of all builders together.

mod limits;
mod shapes;

/// The recipient in these tests.
const TO: &str = "+16505551234";
