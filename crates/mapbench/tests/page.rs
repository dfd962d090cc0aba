//! The page of a run as a browser shows it. Where no Chromium is installed, every test says so and ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;

use tempfile::TempDir;

const STRATEGIES: [&str; 4] = ["std-mutex", "dashmap", "papaya", "frozen"];

/// A4 without its margins of 12 mm, in the browser's units.
const PAPER: u32 = 703;

/// A run, measured once for all tests.
static RUN: LazyLock<PathBuf> = LazyLock::new(|| {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-run");
    let _ = fs::remove_dir_all(&out);
    measure(&out, &["--profile", "quick", "--read-pct", "90,100", "--threads", "1,2,4"]);
    out
});

/// The page of a run, a folder for others made of it, and the browser to look at them with.
struct Page {
    browser: PathBuf,
    dir: TempDir,
    file: PathBuf,
}

impl Page {
    /// `None`, with a word, where there is no browser.
    fn of_a_run() -> Option<Self> {
        Self::of(|| RUN.join("report.html"))
    }

    fn of(file: impl FnOnce() -> PathBuf) -> Option<Self> {
        let Some(browser) = browser() else {
            println!("skipped: no chromium on the PATH");
            return None;
        };
        Some(Self { browser, dir: tempfile::tempdir().unwrap(), file: file() })
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.file).unwrap()
    }

    /// The page with more at its end, as a file beside it.
    fn with(&self, more: &str) -> PathBuf {
        let file = self.dir.path().join("page.html");
        fs::write(&file, self.text().replace("</body>", &format!("{more}</body>"))).unwrap();
        file
    }

    /// What the browser holds after it has loaded a file, and what it complains of.
    fn load(&self, address: &str, flags: &[&str]) -> (String, String) {
        let output = self.browse(&[flags, &["--dump-dom", address]].concat());
        let dom = String::from_utf8(output.stdout).unwrap();
        assert!(dom.contains("</html>"), "{dom}");
        (dom, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What the page with more at its end says to the page around it, as a frame of so many pixels.
    fn framed(&self, width: u32, more: &str, flags: &[&str]) -> Vec<String> {
        self.with(more);
        let frame = self.dir.path().join("frame.html");
        fs::write(&frame, FRAME.replace("WIDTH", &width.to_string())).unwrap();
        let (dom, stderr) = self.load(&address(&frame), flags);
        let said = probed(&dom);
        assert_ne!(said, [""], "{stderr}");
        said
    }

    fn browse(&self, arguments: &[&str]) -> Output {
        let profile = tempfile::tempdir().unwrap();
        let output = Command::new("timeout")
            .arg("120")
            .arg(&self.browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"])
            .args(["--disable-background-networking", "--disable-component-update", "--hide-scrollbars"])
            .args(["--enable-logging=stderr", "--v=0", "--virtual-time-budget=10000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let mut candidates =
        names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    candidates.find(|file| file.is_file())
}

fn measure(out: &Path, arguments: &[&str]) {
    let done = Command::new(env!("CARGO_BIN_EXE_mapbench"))
        .args(["run", "--strategy", &STRATEGIES.join(",")])
        .args(arguments)
        .arg("--out")
        .arg(out)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn address(file: &Path) -> String {
    format!("file://{}", file.display())
}

/// What a script put into the element `probe`.
fn probed(dom: &str) -> Vec<String> {
    let (_, rest) = dom.split_once("<pre id=\"probe\">").unwrap_or_else(|| panic!("no probe in {dom}"));
    let text = rest.split_once("</pre>").unwrap().0;
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").split('\n').map(str::to_owned).collect()
}

/// The messages of the page's console.
fn console(stderr: &str) -> Vec<&str> {
    stderr.lines().filter(|line| line.contains(":CONSOLE")).collect()
}

/// Shows a page in a frame without scripts, and what there is to read in it.
const SCRIPTLESS: &str = "<!doctype html><title>frame</title><pre id=\"probe\"></pre>
    <iframe sandbox=\"allow-same-origin\" width=\"1000\" height=\"1000\" srcdoc=\"PAGE\"></iframe>
    <script>addEventListener('load', () => {
        probe.textContent = document.querySelector('iframe').contentDocument.body.innerText;
    });</script></html>";

#[test]
fn the_page_is_complete_without_a_script_and_silent_with_one() {
    let Some(page) = Page::of_a_run() else { return };
    let frame = page.dir.path().join("frame.html");
    let attribute = page.text().replace('&', "&amp;").replace('"', "&quot;");
    fs::write(&frame, SCRIPTLESS.replace("PAGE", &attribute)).unwrap();
    let (dom, stderr) = page.load(&address(&frame), &[]);
    assert!(stderr.contains("Blocked script execution"), "the script ran: {stderr}");
    let text = probed(&dom).join("\n");
    for part in ["Which map, and by how much?", "90 % reads", "2 threads", "no insert: the map is immutable"] {
        assert!(text.contains(part), "{part} is not to be read:\n{text}");
    }
    for strategy in STRATEGIES {
        assert!(text.contains(strategy), "{strategy} is not to be read:\n{text}");
    }

    let (_, stderr) = page.load(&address(&page.file), &[]);
    assert_eq!(console(&stderr), [""; 0]);
    let planted = page.with("<script>document.body.append(planted)</script>");
    let (_, stderr) = page.load(&address(&planted), &[]);
    assert_eq!(console(&stderr).len(), 1, "an error would be seen: {stderr}");
}

#[test]
fn the_page_asks_nobody_for_anything_and_could_not() {
    let Some(page) = Page::of_a_run() else { return };
    let text = page.text().replace("http://www.w3.org/2000/svg", "");
    for reference in ["http://", "https://", "src=", "url(", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!text.contains(reference), "the page holds {reference}");
    }
    for request in [
        "<img src='https://localhost/x.png'>",
        "<script src='https://localhost/x.js'></script>",
        "<script>fetch('https://localhost/x').catch(() => {})</script>",
        "<iframe src='https://localhost/x'></iframe>",
    ] {
        let (_, stderr) = page.load(&address(&page.with(request)), &[]);
        let refused = console(&stderr).iter().any(|line| line.contains("Content Security Policy"));
        assert!(refused, "{request} went through: {stderr}");
    }
}

/// How wide the page is with all of its parts unfolded.
const UNFOLDED: &str = "<script>{
    for (const part of document.querySelectorAll('details')) part.open = true;
    parent.postMessage(document.documentElement.scrollWidth, '*');
}</script>";

/// A window cannot be as narrow as a phone, a frame can.
const FRAME: &str = "<!doctype html><title>frame</title><pre id=\"probe\"></pre>
    <script>addEventListener('message', ({ data }) => { probe.textContent = data; });</script>
    <iframe src=\"page.html\" width=\"WIDTH\" height=\"740\" style=\"border: 0\"></iframe></html>";

#[test]
fn a_phone_need_not_scroll_sideways() {
    let Some(page) = Page::of_a_run() else { return };
    let width = |more: &str| -> u32 { page.framed(360, &format!("{more}{UNFOLDED}"), &[])[0].parse().unwrap() };
    assert_eq!(width(""), 360);
    assert!(width("<div style='width: 500px'>wide</div>") > 360, "what is wider would be seen");
}

/// Writes the colours of the page's text and ground, and the contrast between them.
const COLOURS: &str = "<pre id=\"probe\"></pre><script>{
    const style = getComputedStyle(document.body);
    const ground = getComputedStyle(document.documentElement).backgroundColor;
    const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const light = (...colours) => {
        for (const colour of ['Canvas', ...colours]) { paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1); }
        const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((x) => x / 255)
            .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [text, back] = [light(style.color), light(ground, style.backgroundColor)];
    const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    probe.textContent = [text, back, contrast].join('\\n');
}</script>";

#[test]
fn light_and_dark_are_both_readable() {
    let Some(page) = Page::of_a_run() else { return };
    let file = page.with(COLOURS);
    let shown = |scheme: u8| -> [f64; 3] {
        let (dom, stderr) = page.load(&address(&file), &[&format!("--blink-settings=preferredColorScheme={scheme}")]);
        let numbers: Vec<f64> = probed(&dom).iter().filter_map(|line| line.parse().ok()).collect();
        numbers.try_into().unwrap_or_else(|_| panic!("{dom}\n{stderr}"))
    };
    let ([text, ground, contrast], [dark_text, dark_ground, dark_contrast]) = (shown(1), shown(0));
    assert!(text < ground && dark_text > dark_ground, "{text} on {ground}, dark {dark_text} on {dark_ground}");
    assert!(contrast > 4.5 && dark_contrast > 4.5, "{contrast}, dark {dark_contrast}");
    for scheme in ["1", "0"] {
        let picture = page.dir.path().join("picture.png");
        page.browse(&[
            &format!("--blink-settings=preferredColorScheme={scheme}"),
            &format!("--screenshot={}", picture.display()),
            "--window-size=1000,1400",
            &address(&page.file),
        ]);
        // An empty picture of this size packs into a few kilobytes.
        assert!(fs::metadata(&picture).unwrap().len() > 20_000, "nothing to see in scheme {scheme}");
        fs::remove_file(&picture).unwrap();
    }
}

/// Turns every control to each of its values, then goes back a step; a line for each: address, then what is said.
const TURN: &str = "<pre id=\"probe\"></pre><script>(async () => {
    const settled = () => new Promise((done) => setTimeout(done, 50));
    const lines = [];
    const note = () => lines.push(`${location.hash} ${document.querySelector('.said').textContent}`);
    await settled();
    note();
    for (const control of document.querySelectorAll('.bar:not(.twin) select')) {
        const before = control.value;
        for (const option of control.options) {
            if (option.value === before) continue;
            control.value = option.value;
            control.dispatchEvent(new Event('change', { bubbles: true }));
            await settled();
            note();
        }
    }
    history.back();
    await settled();
    note();
    probe.textContent = lines.join('\\n');
})()</script>";

#[test]
fn every_control_changes_what_is_said_and_the_address_keeps_it() {
    let Some(page) = Page::of_a_run() else { return };
    let (dom, stderr) = page.load(&address(&page.with(TURN)), &[]);
    let lines = probed(&dom);
    // Reads have one other value, threads two, the objective one; then a step back.
    assert_eq!(lines.len(), 1 + 1 + 2 + 1 + 1, "{lines:#?}\n{stderr}");
    for pair in lines.windows(2) {
        assert_ne!(pair[0], pair[1], "{lines:#?}");
        let said = |line: &str| line.split_once(' ').unwrap().1.to_owned();
        assert_ne!(said(&pair[0]), said(&pair[1]), "{lines:#?}");
    }
    assert!(lines[4].contains("objective=memory") && lines[4].contains(", by resident memory"), "{lines:#?}");
    assert_eq!(lines[5], lines[3], "the step back");
    // The address alone brings the answer back.
    let (fragment, said) = lines[3].split_once(' ').unwrap();
    assert!(said.contains("100 % reads, 4 threads"), "{said}");
    let probe =
        "<pre id=\"probe\"></pre><script>probe.textContent = document.querySelector('.said').textContent</script>";
    let (dom, _) = page.load(&format!("{}{fragment}", address(&page.with(probe))), &[]);
    assert_eq!(probed(&dom)[0], said);
}

/// Turns the controls beside the chart of memory; a line for each: what the bar above says, the charts to be seen, and
/// whether it is said that there is none.
const TURN_TWINS: &str = "<pre id=\"probe\"></pre><script>(async () => {
    const settled = () => new Promise((done) => setTimeout(done, 50));
    const seen = (selector) => [...document.querySelectorAll(selector)].filter((one) => one.checkVisibility());
    const lines = [];
    const note = () => lines.push([
        document.querySelector('.said strong')?.textContent,
        seen('.case figcaption').map((one) => one.textContent).join('; '),
        seen('.unmeasured').length,
    ].join(' | '));
    const turn = async (name, value) => {
        const control = document.querySelector(`.twin select[name=${name}]`);
        control.value = value;
        control.dispatchEvent(new Event('change', { bubbles: true }));
        await settled();
        note();
    };
    note();
    await turn('threads', '4');
    await turn('reads', '100');
    for (const one of document.querySelectorAll('[data-reads=\"90\"]')) one.remove();
    await turn('reads', '90');
    probe.textContent = lines.join('\\n');
})()</script>";

#[test]
fn the_chart_of_memory_is_that_of_the_case_above() {
    let Some(page) = Page::of_a_run() else { return };
    let (dom, stderr) = page.load(&address(&page.with(TURN_TWINS)), &[]);
    let two = "ratio-sweep, 90 % reads, 2 threads";
    let four = "ratio-sweep, 90 % reads, 4 threads (oversubscribed)";
    let only_read = "ratio-sweep, 100 % reads, 4 threads (oversubscribed)";
    let expected = [two, four, only_read].map(|case| format!("{case} | {case} | 0"));
    let lines = probed(&dom);
    assert_eq!(lines[..3], expected, "{stderr}");
    assert_eq!(lines[3], " |  | 1", "what was not measured is said not to be");
}

/// Turns the style of the screen into that of paper, tells the page that it is printed, and says what is then to be seen.
const PRINT: &str = "<script>{
    for (const { cssRules } of document.styleSheets) for (const { media } of cssRules) {
        if (media?.mediaText === 'print') media.mediaText = 'all';
        else if (media?.mediaText.startsWith('screen')) media.mediaText = 'not all';
    }
    dispatchEvent(new Event('beforeprint'));
    const all = (selector) => [...document.querySelectorAll(selector)];
    const seen = (selector) => all(selector).filter((one) => one.checkVisibility());
    const style = (selector) => getComputedStyle(document.querySelector(selector));
    const parts = all('details > *').filter((part) => !part.closest('[hidden]'));
    const links = all('a[href]').filter((link) => !link.getAttribute('href').startsWith('#'));
    const lines = [1, 2, 3, 4, 5, 6, 7].map((place) => `svg .c${place - 1} polyline`).filter((line) => all(line).length);
    const dashes = lines.map((line) => style(line).strokeDasharray);
    parent.postMessage([
        document.documentElement.scrollWidth,
        seen('select, input').length,
        all('.scroll, pre').filter((one) => getComputedStyle(one).overflowX !== 'visible').length,
        parts.filter((part) => !part.checkVisibility()).length,
        `${lines.length > 2} ${new Set(dashes).size === dashes.length}`,
        `${links.length > 3} ${links.every((link) => link.innerText.includes(link.getAttribute('href')))}`,
        `${style('body').color} on ${style('body').backgroundColor}`,
        style('figure').breakInside,
        document.querySelector('.said').innerText,
    ].join('\\n'), '*');
}</script>";

#[test]
fn paper_holds_what_the_screen_does_but_for_the_controls() {
    let measured = || {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page-paper");
        let _ = fs::remove_dir_all(&out);
        let of = ["--read-pct", "90", "--threads", "1,2", "--latency", "--memory"];
        measure(&out, &[&["--profile", "smoke"], &of[..]].concat());
        out.join("report.html")
    };
    let Some(page) = Page::of(measured) else { return };
    // By the light of a dark screen.
    let dark = "--blink-settings=preferredColorScheme=0";
    let paper = |more: &str| page.framed(PAPER, &format!("{more}{PRINT}"), &[dark]);
    let shown = paper("");
    let expected = ["0", "0", "0", "true true", "true true", "rgb(0, 0, 0) on rgb(255, 255, 255)", "avoid"];
    assert_eq!(shown[0], PAPER.to_string(), "wider than paper");
    assert_eq!(shown[1..8], expected, "controls, clipped, folded, dashes, links, colours, cut figures");
    assert!(shown[8..].concat().contains("ratio-sweep, 90 % reads, 2 threads"), "{shown:?}");
    // The page of the other tests has no latency and no memory.
    assert_eq!(page.framed(360, UNFOLDED, &[]), ["360"], "wider than a phone");
    let planted = paper(
        "<div style='width: 900px'>wide</div><input><pre style='overflow: auto'>cut</pre><a href='x.csv'>here</a>
         <details style='display: none'><p>folded</p></details>",
    );
    assert!(planted[0].parse::<u32>().unwrap() > PAPER, "{planted:?}");
    assert_eq!(planted[1..4], ["1"; 3], "{planted:?}");
    assert_eq!(planted[5], "true false", "a link that does not say where it leads would be seen");
}

#[test]
fn several_runs_share_a_page() {
    let Some(page) = Page::of_a_run() else { return };
    let other = page.dir.path().join("other");
    measure(&other, &["--profile", "quick", "--read-pct", "90", "--threads", "1"]);
    let both = page.dir.path().join("both.html");
    let done = Command::new(env!("CARGO_BIN_EXE_mapbench"))
        .arg("report")
        .args([&*RUN, &other])
        .arg("-o")
        .arg(&both)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let (dom, stderr) = page.load(&address(&both), &[]);
    assert_eq!(console(&stderr), [""; 0]);
    for run in ["Run 1", "Run 2"] {
        assert!(dom.contains(run), "{run} is missing");
    }
}
