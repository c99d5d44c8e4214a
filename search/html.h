#ifndef HALFTONE_SEARCH_HTML_H_
#define HALFTONE_SEARCH_HTML_H_

#include <string>

#include "absl/strings/string_view.h"

namespace halftone {

// What the pages and plots that jobs leave have in common. Pages need nothing else than themselves
// and are readable on light and dark screens and in print. Classes of the style: `soft` text,
// `cards` of `card`, `wide` around tables, `text` cells, `tag`, `warn`.

// `title` is plain text, `body` HTML.
std::string RenderPage(absl::string_view title, absl::string_view body);
// Plain text for HTML and SVG.
std::string EscapeHtml(absl::string_view text);
// Three significant digits.
std::string ShortNumber(double value);
// A figure of a summary, from plain text.
std::string RenderCard(absl::string_view title, absl::string_view value, absl::string_view note);

// The <style> of plots, <svg class="ht">, with the colours of both schemes, so that a picture
// stands alone too: --i ink, --s soft ink, --b background, --g grid, --m mark, --c cool.
extern const char kPlotStyle[];

}  // namespace halftone

#endif  // HALFTONE_SEARCH_HTML_H_
