//! Images that code has shown, as clients take them. The code is hostile: what is told
//! to be an image has to begin like one.

use api::DisplayData;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use rmcp::model::ContentBlock;

/// The most images of one answer.
const IMAGES_MAX: usize = 8;
/// The most base64 of one image, and of all of an answer.
const IMAGE_CHARS_MAX: usize = 3 << 20;
const IMAGES_CHARS_MAX: usize = 6 << 20;

/// The kinds that every client shows, and how they begin.
const KINDS: [(&str, &[u8]); 2] =
    [("image/png", b"\x89PNG\r\n\x1a\n"), ("image/jpeg", b"\xff\xd8\xff")];

/// The images among what was shown; those that are too large are left out.
pub(super) fn of<'a>(shown: impl Iterator<Item = &'a DisplayData>) -> Vec<ContentBlock> {
    let mut room = IMAGES_CHARS_MAX;
    let fits = |image: &(&str, String)| {
        let fits = image.1.len() <= room.min(IMAGE_CHARS_MAX);
        if fits {
            room -= image.1.len();
        }
        fits
    };
    let images = shown.filter_map(image).filter(fits).take(IMAGES_MAX);
    images.map(|(kind, data)| ContentBlock::image(data, kind)).collect()
}

fn image(shown: &DisplayData) -> Option<(&'static str, String)> {
    KINDS.iter().find_map(|(kind, _)| {
        let text = shown.data.get(*kind)?.as_str()?;
        if text.len() > IMAGE_CHARS_MAX {
            return None;
        }
        // Kernels break the lines of it.
        let data: String = text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(&data).ok()?;
        (kind_of(&bytes) == Some(kind)).then_some((*kind, data))
    })
}

/// The kind of image that these bytes begin.
pub(super) fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    KINDS.iter().find(|(_, magic)| bytes.starts_with(magic)).map(|(kind, _)| *kind)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(kind: &str, bytes: &[u8]) -> DisplayData {
        let data = [(kind.to_owned(), json!(STANDARD.encode(bytes)))].into();
        DisplayData { data, ..DisplayData::default() }
    }

    #[test]
    fn only_what_is_an_image_is_told_as_one() {
        let png = shown("image/png", b"\x89PNG\r\n\x1a\nrest");
        let jpeg = shown("image/jpeg", b"\xff\xd8\xffrest");
        let lies = [shown("image/png", b"<svg>"), shown("image/gif", b"GIF89a")];
        assert_eq!(of([&png, &jpeg].into_iter()).len(), 2);
        assert!(of(lies.iter()).is_empty());
        let broken = [("image/png".to_owned(), json!("%%%"))].into();
        let broken = DisplayData { data: broken, ..DisplayData::default() };
        assert!(of([&broken].into_iter()).is_empty());
    }

    #[test]
    fn there_are_no_more_than_some() {
        let one = shown("image/png", b"\x89PNG\r\n\x1a\n");
        assert_eq!(of(std::iter::repeat_n(&one, 30)).len(), IMAGES_MAX);
        let mut large = b"\x89PNG\r\n\x1a\n".to_vec();
        large.resize(2 << 20, 0);
        let large = shown("image/png", &large);
        assert_eq!(of([&large, &large, &large].into_iter()).len(), 2);
    }
}
