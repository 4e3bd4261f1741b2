//! A row of a terminal: pieces of text with their tone, never wider than asked for. Pure.
//!
//! Which escapes make a tone is known here alone.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// How a piece of text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Faint,
    Good,
    Bad,
}

/// Whether tones are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// They are.
    On,
    /// The text alone is.
    Off,
}

/// One row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Row(Vec<(Tone, String)>);

impl Tone {
    /// SGR parameters of ECMA-48, of the first sixteen colours only: every terminal has them, and users choose them.
    const fn parameters(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Strong => Some("1"),
            Self::Faint => Some("2"),
            Self::Good => Some("32"),
            Self::Bad => Some("31"),
        }
    }
}

impl Row {
    pub(super) fn of(tone: Tone, text: &str) -> Self {
        Self::default().and(tone, text)
    }

    pub(super) fn and(mut self, tone: Tone, text: &str) -> Self {
        if !text.is_empty() {
            self.0.push((tone, text.to_owned()));
        }
        self
    }

    /// With a text at the right edge; what is on the left gives way to it.
    pub(super) fn with_right(self, tone: Tone, text: &str, width: usize) -> Self {
        let room = width.saturating_sub(text.width() + 2);
        let left = self.cut(room);
        let gap = width.saturating_sub(left.width() + text.width());
        left.and(Tone::Plain, &" ".repeat(gap)).and(tone, text).cut(width)
    }

    /// No wider than that.
    pub(super) fn cut(mut self, width: usize) -> Self {
        let mut room = width;
        for (_, text) in &mut self.0 {
            let whole = text.width();
            if whole > room {
                *text = shortened(text, room);
                room = 0;
            } else {
                room -= whole;
            }
        }
        self.0.retain(|(_, text)| !text.is_empty());
        self
    }

    pub(super) fn width(&self) -> usize {
        self.0.iter().map(|(_, text)| text.width()).sum()
    }

    /// With its texts changed, such as by striking out secrets.
    pub(super) fn map(self, change: &dyn Fn(&str) -> String) -> Self {
        let changed = self.0.into_iter().map(|(tone, text)| (tone, change(&text)));
        Self(changed.collect())
    }

    /// As a terminal takes it.
    pub(super) fn text(&self, colours: Colours) -> String {
        let piece = |(tone, text): &(Tone, String)| match tone.parameters().filter(|_| colours == Colours::On) {
            Some(parameters) => format!("\u{1b}[{parameters}m{text}\u{1b}[0m"),
            None => text.clone(),
        };
        self.0.iter().map(piece).collect()
    }
}

/// As much as there is room for, with a sign that there is more.
fn shortened(text: &str, room: usize) -> String {
    let Some(room) = room.checked_sub(1) else {
        return String::new();
    };
    let mut width = 0;
    let fits = |letter: &char| {
        width += letter.width().unwrap_or(0);
        width <= room
    };
    let mut short: String = text.chars().take_while(fits).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_never_wider_than_asked_for_whatever_is_in_it() {
        for width in 0..40 {
            let row = Row::of(Tone::Strong, "pool-α in acct1 → 画像 1.4.2").with_right(Tone::Faint, "27 min", width);
            assert!(row.width() <= width, "{width}: {row:?}");
        }
    }

    #[test]
    fn what_is_on_the_right_stays_and_the_left_is_cut() {
        let row = Row::of(Tone::Plain, "a long pool's name").with_right(Tone::Faint, "27 min", 20);
        assert_eq!(row.text(Colours::Off), "a long pool…  27 min");
    }

    #[test]
    fn tones_are_escapes_and_go_with_the_colours() {
        let row = Row::of(Tone::Bad, "unusable 1").and(Tone::Plain, " · idle 2");
        assert_eq!(row.text(Colours::On), "\u{1b}[31munusable 1\u{1b}[0m · idle 2");
        assert_eq!(row.text(Colours::Off), "unusable 1 · idle 2");
    }
}
