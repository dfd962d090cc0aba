#!/usr/bin/env bash
# Runs axe-core over a page in headless Chromium, light and dark, all of its parts unfolded; fails on a serious or critical
# finding.
# Usage: scripts/accessibility.sh PAGE.html. Skipped, and said so, where npm or Chromium is not installed.
set -euo pipefail
page=${1:?usage: scripts/accessibility.sh PAGE.html}
for tool in npm chromium; do
    command -v "$tool" >/dev/null || { echo "accessibility: skipped, $tool is not installed"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent axe-core@4 >/dev/null && tar xzf axe-core-*.tgz)
{
    cat "$page"
    echo '<script>'
    cat "$work/package/axe.min.js"
    cat <<'SCRIPT'
for (const part of document.querySelectorAll("details")) part.open = true;
axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"] }).then((result) => {
  const lines = result.violations.flatMap((v) => v.nodes.map((n) => `${v.impact} ${v.id}: ${n.target} ${n.failureSummary}`));
  const out = document.createElement("pre");
  out.id = "axe-result";
  out.textContent = "AXE-BEGIN\n" + result.passes.length + " rules passed\n" + lines.join("\n") + "\nAXE-END";
  document.body.append(out);
});
</script>
SCRIPT
} >"$work/page.html"
status=0
# The browser's numbers for the two.
for scheme in light:1 dark:0; do
    chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --user-data-dir="$work/profile" --virtual-time-budget=20000 \
        --blink-settings="preferredColorScheme=${scheme#*:}" --dump-dom "file://$work/page.html" 2>/dev/null |
        sed -n '/>AXE-BEGIN$/,/^AXE-END/p' | sed '1d;$d' >"$work/findings"
    grep -q 'rules passed' "$work/findings" || { echo "accessibility: axe did not run"; exit 1; }
    sed "/./s/^/${scheme%:*}: /" "$work/findings"
    if grep -qE '^(serious|critical) ' "$work/findings"; then status=1; fi
done
exit "$status"
