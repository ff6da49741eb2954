//! Location messages, and the location in the header of a template.

use serde_json::Value;

use super::content::Content;
use super::json_object::{Object, number};

/// A place on the map.
///
/// Meta's pages write coordinates as strings, its `OpenAPI` as numbers, and both are accepted (Meta,
/// messages/location-messages). They are written as numbers, or with [`as_strings`](Self::as_strings) as strings.
///
/// ```
/// use wamedia::message::{Dialect, Location, Message};
///
/// let place = Location::new(37.4421, -122.1613).name("Philz Coffee").address("101 Forest Ave, Palo Alto");
/// let payload = Message::new("+16505551234", place).build(Dialect::Cloud)?;
/// assert_eq!(payload["location"]["latitude"], 37.4421);
///
/// let nowhere = Message::new("+16505551234", Location::new(91.0, f64::NAN)).build(Dialect::Cloud);
/// assert!(nowhere.is_err());
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Location {
    latitude: f64,
    longitude: f64,
    name: Option<String>,
    address: Option<String>,
    as_strings: bool,
}

impl Location {
    /// A location, in degrees: `latitude` from -90 to 90, `longitude` from -180 to 180.
    pub fn new(latitude: f64, longitude: f64) -> Self {
        Self { latitude, longitude, name: None, address: None, as_strings: false }
    }

    /// The name of the place.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// The address of the place.
    #[must_use]
    pub fn address(mut self, address: impl Into<String>) -> Self {
        self.address = Some(address.into());
        self
    }

    /// Writes the coordinates as strings, for gateways that accept only strings.
    #[must_use]
    pub fn as_strings(mut self) -> Self {
        self.as_strings = true;
        self
    }

    pub(super) fn json(&self) -> Value {
        let degrees =
            |degrees: f64| if self.as_strings { degrees.to_string().into() } else { number(degrees) };
        Object::new()
            .with("latitude", degrees(self.latitude))
            .with("longitude", degrees(self.longitude))
            .maybe("name", self.name.as_deref())
            .maybe("address", self.address.as_deref())
            .into()
    }
}

impl From<Location> for Content {
    fn from(location: Location) -> Self {
        Self::new("location", location.json())
    }
}
