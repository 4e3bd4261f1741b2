//! The failures that a person meets, each made by the built program: what a terminal and GitHub's summary show of it.
//!
//! The scenes are a list; how one is played is in `stage`. `cargo run -p azure-batch-e2e --example failures FOLDER` writes
//! all texts into a folder for people to read, and a case of `cargo xtask real` plays them too.

mod scenes;
mod stage;

use crate::{failure::Result, lab::Lab};

pub use scenes::SCENES;
pub use stage::{Shown, Stage};

/// How many scenes are played at once: most of a scene is waiting.
const SIDE_BY_SIDE: usize = 5;

/// One failure.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// Its name, which is that of its files.
    pub name: &'static str,
    /// The exit code that it has.
    pub exit_code: i32,
    /// What makes it.
    pub prepare: fn(&mut Stage) -> Result,
}

/// Plays the scenes whose name contains the text, and writes what was shown next to each other:
/// `<name>.terminal.txt`, `<name>.summary.md` and `<name>.annotation.txt`.
///
/// # Errors
/// When a scene cannot be played, or ends with another exit code.
pub fn play(lab: &Lab<'_>, filter: &str) -> Result<Vec<(Scene, Shown)>> {
    let chosen: Vec<Scene> = SCENES
        .iter()
        .copied()
        .filter(|scene| scene.name.contains(filter))
        .collect();
    let mut played = Vec::new();
    for some in chosen.chunks(SIDE_BY_SIDE) {
        let results = std::thread::scope(|scope| {
            let running: Vec<_> = some
                .iter()
                .map(|scene| scope.spawn(move || stage::play(lab, *scene)))
                .collect();
            running
                .into_iter()
                .zip(some)
                .map(|(thread, scene)| match thread.join() {
                    Ok(shown) => shown.map(|shown| (*scene, shown)),
                    Err(panic) => std::panic::resume_unwind(panic),
                })
                .collect::<Result<Vec<_>>>()
        });
        played.extend(results?);
    }
    Ok(played)
}
