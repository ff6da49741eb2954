//! Product messages: one product, several, or the whole catalogue.

use serde_json::Value;

use super::{interactive, named, text_header, with_footer};
use crate::message::content::Content;
use crate::message::json_object::Object;

/// A message with one product (Meta, catalogs/share-products). It has no header.
///
/// ```
/// use wamedia::message::{Dialect, Message, Product};
///
/// let rose = Product::new("367025965434465", "rose-12").body("Just in").footer("While stocks last");
/// let payload = Message::new("+16505551234", rose).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["product_retailer_id"], "rose-12");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    body: Option<String>,
    footer: Option<String>,
    catalog_id: String,
    retailer_id: String,
}

with_footer!(Product);

impl Product {
    /// A message with this product of this catalogue (retailer id of at most 100 characters).
    pub fn new(catalog_id: impl Into<String>, retailer_id: impl Into<String>) -> Self {
        Self { body: None, footer: None, catalog_id: catalog_id.into(), retailer_id: retailer_id.into() }
    }

    /// Sets the text.
    #[must_use]
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }
}

impl From<Product> for Content {
    fn from(product: Product) -> Self {
        let action = Object::new()
            .with("catalog_id", product.catalog_id)
            .with("product_retailer_id", product.retailer_id);
        interactive("product", None, product.body.as_deref(), product.footer.as_deref(), action)
    }
}

/// A message with several products in sections: at most 30 products in at most 10 sections (Meta, catalogs/share-products). A
/// text header is required.
///
/// ```
/// use wamedia::message::{Dialect, Message, ProductList};
///
/// let list = ProductList::new("Spring", "What grows now", "146265584024623")
///     .section("Roses", ["rose-12", "rose-13"])
///     .section("Tulips", ["tulip-1"]);
/// let payload = Message::new("+16505551234", list).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["sections"][1]["product_items"][0]["product_retailer_id"], "tulip-1");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductList {
    header: String,
    body: String,
    footer: Option<String>,
    catalog_id: String,
    /// The title and products of each section.
    sections: Vec<(String, Vec<String>)>,
}

with_footer!(ProductList);

impl ProductList {
    /// A message with this header of at most 60 characters, this text, and products of this catalogue.
    pub fn new(header: impl Into<String>, body: impl Into<String>, catalog_id: impl Into<String>) -> Self {
        Self {
            header: header.into(),
            body: body.into(),
            footer: None,
            catalog_id: catalog_id.into(),
            sections: Vec::new(),
        }
    }

    /// Adds a section with this title of at most 24 characters and these products (retailer ids).
    #[must_use]
    pub fn section<I>(mut self, title: impl Into<String>, products: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.sections.push((title.into(), products.into_iter().map(Into::into).collect()));
        self
    }
}

impl From<ProductList> for Content {
    fn from(list: ProductList) -> Self {
        let action = Object::new()
            .with("catalog_id", list.catalog_id)
            .with("sections", product_sections(&list.sections));
        interactive(
            "product_list",
            Some(text_header(&list.header)),
            Some(&list.body),
            list.footer.as_deref(),
            action,
        )
    }
}

/// Sections of products, each with a title and retailer ids.
pub(in crate::message) fn product_sections(sections: &[(String, Vec<String>)]) -> Vec<Value> {
    let item = |id: &String| Object::new().with("product_retailer_id", id.as_str()).into();
    let section = |(title, products): &(String, Vec<String>)| {
        let items: Vec<Value> = products.iter().map(item).collect();
        Object::new().with("title", title.as_str()).with("product_items", items).into()
    };
    sections.iter().map(section).collect()
}

/// A message with the whole catalogue (Meta, catalogs/share-products).
///
/// ```
/// use wamedia::message::{Catalog, Dialect, Message};
///
/// let catalog = Catalog::new("Everything we have").thumbnail("rose-12");
/// let payload = Message::new("+16505551234", catalog).build(Dialect::Cloud)?;
/// assert_eq!(payload["interactive"]["action"]["name"], "catalog_message");
/// # Ok::<(), wamedia::message::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    body: String,
    footer: Option<String>,
    thumbnail: Option<String>,
}

with_footer!(Catalog);

impl Catalog {
    /// A message with this text of at most 1024 characters.
    pub fn new(body: impl Into<String>) -> Self {
        Self { body: body.into(), footer: None, thumbnail: None }
    }

    /// The product of the thumbnail (retailer id). Default: the first of the catalogue.
    #[must_use]
    pub fn thumbnail(mut self, retailer_id: impl Into<String>) -> Self {
        self.thumbnail = Some(retailer_id.into());
        self
    }
}

impl From<Catalog> for Content {
    fn from(catalog: Catalog) -> Self {
        let parameters = catalog.thumbnail.map(|id| Object::new().with("thumbnail_product_retailer_id", id));
        let action = named("catalog_message", parameters);
        interactive("catalog_message", None, Some(&catalog.body), catalog.footer.as_deref(), action)
    }
}
