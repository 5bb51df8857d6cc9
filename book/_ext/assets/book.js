// What the theme leaves out for readers with a keyboard or a screen reader.

const BOXES = ".pst-scrollable-table-container, .cell_output figure, div.math";

// What a box holds: the caption of its table, else the heading above it.
function named(box) {
  const text = box.querySelector("caption") ?? box.closest("section")?.querySelector("h1, h2, h3");
  return (text?.textContent ?? "Wide content").replace(/[#\s]+$/, "").slice(0, 120);
}

// A box that scrolls sideways takes the focus, so that the arrow keys scroll it.
const sizes = new ResizeObserver((entries) => {
  for (const { target: box } of entries) {
    const scrolls = box.scrollWidth > box.clientWidth;
    if (scrolls) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
    if (box.localName === "figure") continue; // which has a role and a name of its own
    for (const [name, value] of [["role", "region"], ["aria-label", named(box)]]) {
      if (scrolls) box.setAttribute(name, value);
      else box.removeAttribute(name);
    }
  }
});

addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(BOXES).forEach((box) => sizes.observe(box));
  for (const table of document.querySelectorAll(".bd-article table:not(:has(caption))")) {
    table.setAttribute("aria-label", named(table));
  }
  // A list of sources: docutils gives its entries a role that browsers no longer know.
  for (const entry of document.querySelectorAll('[role="doc-biblioentry"]')) {
    entry.setAttribute("role", "listitem");
  }
  // The arrows that open a part of the table of contents are pictures only.
  for (const arrow of document.querySelectorAll(".bd-sidebar-primary summary")) {
    const entry = arrow.closest("li")?.querySelector("a");
    arrow.setAttribute("aria-label", `Pages of ${entry?.textContent.trim() ?? "this part"}`);
  }
});
