//! What a kernel shows besides text on its streams, and what went wrong in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One thing in each of the forms it has, by MIME type.
///
/// The value of a text type is text, also of `image/svg+xml`; that of another
/// image or of `application/pdf` is text in base64; that of `application/json` is
/// any JSON value. All of it comes from user code: a reader shows `text/html` and
/// the like only where it may do no harm.
pub type MimeBundle = BTreeMap<String, Value>;

/// Something that was shown, or the value of a turn's last expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DisplayData {
    /// Its forms.
    #[schema(value_type = Object)]
    pub data: MimeBundle,
    /// What was said about the forms, such as an image's width, by MIME type.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub metadata: BTreeMap<String, Value>,
    /// The name under which it can be shown anew, if it has one.
    #[serde(default)]
    pub display_id: Option<String>,
    /// Whether it takes the place of what was shown under this name before.
    #[serde(default)]
    pub update: bool,
}

/// An exception that nothing in the code caught.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExceptionInfo {
    /// The name of its class, such as `ValueError`.
    pub name: String,
    /// Its text.
    pub value: String,
    /// The traceback in lines, without terminal colours and without the kernel's
    /// own frames.
    pub traceback: Vec<String>,
}
