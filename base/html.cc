#include "base/html.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace halftone {
namespace {

constexpr char kStyle[] = R"css(
:root{--ink:#1d2330;--soft:#5d6677;--page:#fbfaf7;--card:#fff;--line:#e3e0d8;--mark:#b4481e;
--cool:#28607d;--bar:#d9e4ea}
@media(prefers-color-scheme:dark){:root{--ink:#e8e6e1;--soft:#a0a7b4;--page:#15181e;--card:#1c2028;
--line:#333a46;--mark:#f08a5d;--cool:#7cc0e0;--bar:#2b3a45}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:26px;margin:0}h2{font-size:18px;margin:36px 0 10px}
p{margin:6px 0}.soft{color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:12px;margin:22px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 14px}
.card b{display:block;font-size:21px;font-variant-numeric:tabular-nums}
.card span{color:var(--soft);font-size:13px}
.wide{overflow-x:auto;background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13.5px}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
th{color:var(--soft);font-weight:600}tr:last-child td{border-bottom:0}
.text{text-align:left}.tag{background:var(--bar);border-radius:6px;padding:1px 7px}
.warn{border-left:4px solid var(--mark);padding:8px 12px;background:var(--card)}
@media print{.card,.wide{break-inside:avoid}}
)css";

}  // namespace

std::string RenderPage(absl::string_view title, absl::string_view body) {
  return absl::StrCat(
      "<!doctype html><html lang=en><meta charset=utf-8>"
      "<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>Halftone: ",
      EscapeHtml(title), "</title><style>", kStyle, "</style><main>", body, "</main></html>\n");
}

std::string EscapeHtml(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string ShortNumber(double value) { return absl::StrFormat("%.3g", value); }

std::string RenderCard(absl::string_view title, absl::string_view value, absl::string_view note) {
  return absl::StrCat("<div class=card><span>", EscapeHtml(title), "</span><b>", EscapeHtml(value),
                      "</b><span>", EscapeHtml(note), "</span></div>");
}

}  // namespace halftone
