//! Parts of a page that a machine writes: what stands between two comments. Pure.

use anyhow::{Result, bail};

/// The page with the part of this name written anew.
pub(crate) fn replace(page: &str, name: &str, body: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let (Some((before, rest)), true) = (page.split_once(&begin), page.matches(&begin).count() == 1)
    else {
        bail!("the page must have the line {} once", begin.trim_end());
    };
    let Some((_, after)) = rest.split_once(&end) else {
        bail!("the page has no line {end} after {}", begin.trim_end());
    };
    Ok(format!("{before}{begin}{}\n{end}{after}", body.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_part_changes() {
        let page =
            "a\n<!-- x:begin -->\nold\n<!-- x:end -->\nb\n<!-- y:begin -->\n<!-- y:end -->\n";
        let new = replace(page, "x", "new\n\n").unwrap();
        assert!(new.starts_with("a\n<!-- x:begin -->\nnew\n<!-- x:end -->\nb\n"));
        assert_eq!(replace(&new, "x", "new").unwrap(), new);
        assert!(replace(page, "y", "new").unwrap().contains("old"));
    }

    #[test]
    fn a_page_without_the_part_is_refused() {
        assert!(replace("", "x", "").is_err());
        assert!(replace("<!-- x:begin -->\n", "x", "").is_err());
        let twice = "<!-- x:begin -->\n<!-- x:end -->\n".repeat(2);
        assert!(replace(&twice, "x", "").is_err());
    }
}
