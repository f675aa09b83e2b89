"""What is asked of a picture in a page: functions of its root that return what is wrong."""

# Every text of the picture against what is painted behind it, as WCAG 2 computes contrast.
LOW_CONTRAST = """(root) => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [red, green, blue] = [r, g, b].map((channel) => {
      const part = channel / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const node of root.querySelectorAll("*")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.nodeValue.trim());
    if (!own || node.closest(".cw-unseen")) continue;
    const style = getComputedStyle(node);
    const [text, paper] = [channels(node.namespaceURI.endsWith("svg") ? style.fill : style.color), behind(node)];
    const [high, low] = [luminance(text), luminance(paper)].sort((a, b) => b - a);
    const contrast = (high + 0.05) / (low + 0.05);
    if (contrast < 4.5) found.push(`${node.textContent} ${contrast.toFixed(2)}`);
  }
  return found;
}"""
CUT_TEXT = """(root) => [...root.querySelectorAll("th, td, .cw-formula, .cw-title, label, button")]
  .filter((node) => node.scrollWidth > node.clientWidth + 1 && !node.closest(".cw-unseen"))
  .map((node) => node.textContent)"""
