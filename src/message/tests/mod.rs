//! Tests of all builders together.

mod limits;
mod shapes;

/// To whom messages go here.
const TO: &str = "+16505551234";
