//! The terminal of this process, for the frame at its bottom.
//!
//! What the frame shows, and what is sent for it, is core's. It stands on stderr, since stdout may be a pipe.

use azure_batch_core::frame::screen::{Colours, Screen, Window};

/// What a terminal that does not say its size is taken for.
const USUAL: Window = Window { columns: 80, rows: 24 };

/// stderr, when it is a terminal that can move its cursor; `term` is the variable `TERM`.
pub(super) fn on_stderr(term: Option<&str>) -> Option<Screen> {
    let stderr = console::Term::stderr();
    let features = stderr.features();
    let colours = Colours::on_terminal(features.colors_supported(), term).filter(|_| features.is_attended())?;
    let size = move || {
        stderr.size_checked().map_or(USUAL, |(rows, columns)| Window {
            columns: columns.into(),
            rows: rows.into(),
        })
    };
    Some(Screen::new(colours, Box::new(size)))
}
