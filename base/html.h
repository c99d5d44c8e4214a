#ifndef HALFTONE_BASE_HTML_H_
#define HALFTONE_BASE_HTML_H_

#include <string>

#include "absl/strings/string_view.h"

namespace halftone {

// What pages and plots have in common. Pages need nothing else than themselves
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

}  // namespace halftone

#endif  // HALFTONE_BASE_HTML_H_
