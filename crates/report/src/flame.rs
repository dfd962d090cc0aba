//! A flame graph (Gregg, CACM 59/6, 2016): one picture of many stacks. A frame is as wide as the share of the samples that
//! it is in, and stands on its caller. The picture needs no script: what a frame is called in full, a pointer tells.

use std::collections::BTreeMap;

use maud::{Markup, PreEscaped, html};

use crate::format;

/// The functions of a thread at one time, the outermost first.
pub type Stack = Vec<String>;

const WIDTH: f64 = 1200.0;
const ROW: f64 = 17.0;
/// Above the frames: the title and a line about it.
const HEAD: f64 = 46.0;
const MARGIN: f64 = 6.0;
/// A letter of the labels' font is about as wide.
const LETTER: f64 = 6.7;
/// Narrower frames are left out: nobody could see them.
const NARROWEST: f64 = 0.7;

const STYLE: &str = "svg { background: #fff; font: 11px ui-monospace, monospace; } text { fill: #1b1f24; } .title { font: 600 16px system-ui, sans-serif; } .about { font: 12px system-ui, sans-serif; } rect { stroke: #fff; stroke-width: .6; } g:hover > rect { stroke: #1b1f24; } @media (prefers-color-scheme: dark) { svg { background: #0f1318; } .title, .about { fill: #e6edf3; } rect { stroke: #0f1318; } g:hover > rect { stroke: #e6edf3; } }";

/// What stands on a frame.
#[derive(Default)]
struct Frame {
    samples: u64,
    above: BTreeMap<String, Frame>,
}

impl Frame {
    fn add(&mut self, stack: &[String], samples: u64) {
        self.samples += samples;
        if let Some((outermost, rest)) = stack.split_first() {
            self.above.entry(outermost.clone()).or_default().add(rest, samples);
        }
    }

    /// Rows of frames, of those that are wide enough.
    fn height(&self, least: f64) -> usize {
        let seen = self.above.values().filter(|frame| frame.samples as f64 >= least);
        seen.map(|frame| 1 + frame.height(least)).max().unwrap_or(0)
    }
}

/// The flame graph of stacks, each with how many samples it was seen in, as SVG. The order of the stacks does not matter.
#[must_use]
pub fn flame_graph(title: &str, stacks: &[(Stack, u64)]) -> String {
    let mut root = Frame::default();
    stacks.iter().for_each(|(stack, samples)| root.add(stack, *samples));
    let a_sample = (WIDTH - 2.0 * MARGIN) / root.samples.max(1) as f64;
    let rows = root.height(NARROWEST / a_sample) + 1;
    let height = HEAD + rows as f64 * ROW + MARGIN;
    let picture = Picture { all: root.samples, a_sample, floor: height - MARGIN };
    let about = format!("{} samples; a frame stands on its caller, and is as wide as its share of them", root.samples);
    let svg = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}")) role="img" aria-label=(printable(&format!("Flame graph: {title}"))) {
            style { (PreEscaped(STYLE)) }
            text.title x=(MARGIN) y="19" { (printable(title)) }
            text.about x=(MARGIN) y="37" { (about) }
            (picture.frame("all", &root, 0, MARGIN))
        }
    };
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}\n", svg.into_string())
}

struct Picture {
    all: u64,
    /// The width of a sample.
    a_sample: f64,
    /// Where the lowest row ends.
    floor: f64,
}

impl Picture {
    fn frame(&self, name: &str, frame: &Frame, depth: usize, x: f64) -> Markup {
        let width = frame.samples as f64 * self.a_sample;
        if width < NARROWEST {
            return html! {};
        }
        let top = self.floor - (depth + 1) as f64 * ROW;
        let name = printable(name);
        let share = format::significant(100.0 * frame.samples as f64 / self.all.max(1) as f64);
        let letters = ((width - 4.0) / LETTER) as usize;
        let mut left = x;
        let above: Vec<Markup> = frame
            .above
            .iter()
            .map(|(name, above)| {
                let drawn = self.frame(name, above, depth + 1, left);
                left += above.samples as f64 * self.a_sample;
                drawn
            })
            .collect();
        html! {
            g {
                title { (name) ": " (share) " %, " (frame.samples) " of " (self.all) " samples" }
                rect x=(px(x)) y=(px(top)) width=(px(width)) height=(ROW) rx="1.5" fill=(colour(&name)) {}
                @if letters >= 3 { text x=(px(x + 2.0)) y=(px(top + 12.0)) { (label(&name, letters)) } }
            }
            @for frame in above { (frame) }
        }
    }
}

/// To a hundredth: the frames of a row must meet.
fn px(x: f64) -> String {
    format!("{x:.2}")
}

/// Without what a picture may not hold.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// So much of a name as there is room for; of a path its end says more.
fn label(name: &str, letters: usize) -> String {
    let length = name.chars().count();
    if length <= letters {
        return name.to_owned();
    }
    let end: String = name.chars().skip(length - (letters - 1)).collect();
    format!("…{end}")
}

/// Light, so that the label can be read, and the same for all functions of a crate.
fn colour(name: &str) -> String {
    let of_crate = name.trim_start_matches(['<', '&', '*']).split("::").next().unwrap_or_default();
    // FNV-1a: the same picture whatever program draws it.
    let hash = of_crate
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    format!("hsl({} 70% {}%)", (hash >> 32) % 360, 74 + (hash >> 8) % 10)
}

#[cfg(test)]
mod tests {
    use super::{Stack, flame_graph, label};

    fn stack(frames: &[&str]) -> Stack {
        frames.iter().map(|frame| (*frame).to_owned()).collect()
    }

    #[test]
    fn a_frame_is_as_wide_as_its_share_and_stands_on_its_caller() {
        let stacks = [(stack(&["run", "read"]), 30), (stack(&["run", "insert"]), 60), (stack(&["run"]), 10)];
        let svg = flame_graph("a cell", &stacks);
        for part in [
            "<title>all: 100 %, 100 of 100 samples</title><rect x=\"6.00\" y=\"80.00\" width=\"1188.00\"",
            "<title>run: 100 %, 100 of 100 samples</title><rect x=\"6.00\" y=\"63.00\" width=\"1188.00\"",
            // In the order of their names, one beside the other.
            "<title>insert: 60.0 %, 60 of 100 samples</title><rect x=\"6.00\" y=\"46.00\" width=\"712.80\"",
            "<title>read: 30.0 %, 30 of 100 samples</title><rect x=\"718.80\" y=\"46.00\" width=\"356.40\"",
            ">a cell</text>",
        ] {
            assert!(svg.contains(part), "{part} is missing: {svg}");
        }
        let mut other = stacks.clone();
        other.reverse();
        assert_eq!(flame_graph("a cell", &other), svg);
    }

    #[test]
    fn what_nobody_could_see_is_left_out_and_nothing_is_a_picture_too() {
        let svg = flame_graph("", &[(stack(&["wide"]), 1_000_000), (stack(&["narrow", "deep", "deeper"]), 1)]);
        assert!(svg.contains("<title>wide") && !svg.contains("narrow"), "{svg}");
        // Two rows: the narrow ones ask for no room.
        assert!(svg.contains("viewBox=\"0 0 1200 86\""), "{svg}");
        assert!(flame_graph("", &[]).ends_with("</svg>\n"));
    }

    #[test]
    fn hostile_names_are_text() {
        let evil = "</title></svg><script>alert(1)</script>\"\u{1}";
        let svg = flame_graph(evil, &[(stack(&[evil]), 1)]);
        assert!(!svg.contains("<script") && !svg.contains('\u{1}'), "{svg}");
        assert_eq!(svg.matches("</svg>").count(), 1);
    }

    #[test]
    fn a_label_keeps_the_end_of_a_path() {
        assert_eq!([label("a::b::read", 10), label("a::b::read", 5)], ["a::b::read", "…read"]);
    }
}
