// How the slides are shown: large on a projector, narrow and tall on a phone, all at once on paper.
function slidesOf(window) {
  const paper = /print-pdf/.test(window.location.search);
  const narrow = !paper && window.innerWidth < 700 && window.innerHeight > window.innerWidth;
  document.documentElement.classList.toggle("narrow", narrow);
  if (paper) // A picture of each interactive piece, which course/slides.py takes before it prints.
    for (const frame of document.querySelectorAll("iframe[data-src]")) {
      const picture = new Image();
      picture.src = `_figures/${frame.dataset.src}.png`;
      picture.className = "piece";
      frame.replaceWith(picture);
    }
  return {
    width: narrow ? 430 : 1280,
    height: narrow ? 430 * window.innerHeight / window.innerWidth : 720,
    margin: narrow ? 0.02 : 0.04,
    center: false,
    hash: true,
    slideNumber: "c/t",
    transition: "none",
    totalTime: 90 * 60,
    pdfSeparateFragments: false,
    pdfMaxPagesPerSlide: 1,
    scrollActivationWidth: null,
  };
}
