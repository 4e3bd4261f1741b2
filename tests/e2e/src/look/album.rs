//! One page with everything that `cargo xtask look` has kept: pictures, and the texts of terminals and logs.
//!
//! It reads only names and files; it knows no case.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use crate::{failure::Result, files};

/// The files that are texts for people. What else lies there is for those who look for a fault.
const TEXTS: [&str; 2] = ["txt", "md"];

/// The head of the page: pictures small, side by side, and whole when clicked.
const HEAD: &str = "<!doctype html><meta charset=\"utf-8\"><title>what people see</title><style>
body { font: 15px/1.4 sans-serif; margin: 2rem; } figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; }
img { max-width: 420px; max-height: 560px; object-fit: cover; object-position: top; border: 1px solid #ccc; }
pre { background: #111; color: #eee; padding: 1rem; overflow: auto; max-height: 40rem; line-height: 1.2; }
figcaption { color: #555; }
</style>";

/// Writes `index.html` into the folder and gives its path.
///
/// # Errors
/// When the folder cannot be read or written.
pub fn write(results: &Path) -> Result<PathBuf> {
    let mut page = HEAD.to_owned();
    let mut case = String::new();
    for file in files::below(results)? {
        let name = file
            .strip_prefix(results)
            .unwrap_or(&file)
            .to_string_lossy()
            .into_owned();
        let Some(shown) = shown(&name, &file)? else { continue };
        let of_case = name.split('/').next().unwrap_or_default();
        if case != of_case {
            of_case.clone_into(&mut case);
            // Writing to a String cannot fail.
            let _written = write!(page, "<h2>{}</h2>", text(of_case));
        }
        page.push_str(&shown);
    }
    let index = results.join("index.html");
    files::write(&index, page)?;
    Ok(index)
}

/// How a file is shown; not at all when it is not for people.
fn shown(name: &str, file: &Path) -> Result<Option<String>> {
    let ending = file.extension().map(|ending| ending.to_string_lossy().into_owned());
    Ok(match ending.as_deref() {
        Some("png") => Some(format!(
            "<figure><a href=\"{0}\"><img src=\"{0}\" loading=\"lazy\"></a><figcaption>{0}</figcaption></figure>",
            text(name)
        )),
        Some(ending) if TEXTS.contains(&ending) => Some(format!(
            "<h3>{}</h3><pre>{}</pre>",
            text(name),
            text(&files::read(file)?)
        )),
        _ => None,
    })
}

fn text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_texts_are_on_the_page_and_text_stays_text() {
        let dir = std::env::temp_dir().join(format!("e2e-album-{}", std::process::id()));
        files::make_empty(&dir.join("a_case")).unwrap();
        for (name, content) in [("one-920.png", ""), ("log.txt", "<b>x</b>"), ("log.err", "hidden")] {
            files::write(&dir.join("a_case").join(name), content).unwrap();
        }
        let page = files::read(&write(&dir).unwrap()).unwrap();
        std::fs::remove_dir_all(&dir).unwrap();
        assert!(page.contains("<img src=\"a_case/one-920.png\""), "{page}");
        assert!(page.contains("&lt;b&gt;x&lt;/b&gt;"), "{page}");
        assert!(!page.contains("hidden"), "{page}");
    }
}
