#include "search/heads_report.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/html.h"

namespace halftone {
namespace {

// What was measured of that output: nothing where it was not, and of a single one, which is all.
const HeadEvaluation* FindMeasured(const SearchResult& result, const std::string& name) {
  if (!result.evaluation.has_value()) return nullptr;
  const std::vector<HeadEvaluation>& heads = result.evaluation->heads;
  const auto found = std::find_if(heads.begin(), heads.end(),
                                  [&](const HeadEvaluation& head) { return head.name == name; });
  return found == heads.end() ? nullptr : &*found;
}

std::string HeadRow(const SearchResult& result, const OutputHead& head) {
  const HeadEvaluation* measured = FindMeasured(result, head.name());
  return absl::StrCat(
      "<tr><td class=text>", EscapeHtml(head.output),
      head.part.empty() ? "" : absl::StrCat(", part ", EscapeHtml(head.part)),
      "</td><td class=text><span class=tag>", HeadKindName(head.kind), "</span></td><td>",
      head.kind == HeadKind::kIgnore ? "" : ShortNumber(head.weight), "</td><td class=text>",
      head.is_guess ? "a guess: " : "", EscapeHtml(head.reason), "</td><td>",
      measured == nullptr ? "" : ShortNumber(measured->divergence), "</td><td>",
      measured == nullptr ? "" : absl::StrFormat("%.1f %%", 100 * measured->share), "</td></tr>");
}

}  // namespace

std::string RenderHeads(const SearchResult& result) {
  if (result.heads.empty()) return "";
  std::string html =
      "<h2>Outputs</h2><div class=wide><table><tr><th class=text>output<th class=text>counts as"
      "<th>weight<th class=text>why<th>divergence<th>of all</tr>";
  for (const OutputHead& head : result.heads) html += HeadRow(result, head);
  return html + "</table></div>";
}

bool CountsByKl(const SearchResult& result) {
  return std::all_of(result.heads.begin(), result.heads.end(), [](const OutputHead& head) {
    return head.kind == HeadKind::kKl || head.kind == HeadKind::kIgnore;
  });
}

}  // namespace halftone
