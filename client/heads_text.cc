#include "client/heads_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/json_values.h"
#include "client/terminal.h"

namespace halftone {
namespace {

using nlohmann::json;

std::string FoundText(const json& evaluated, const std::string& name) {
  for (const json& head : evaluated) {
    if (TextIn(head, "name") != name) continue;
    return absl::StrCat(", divergence ", FormatNumber(NumberOrZero(head, "divergence")), " (",
                        FormatPercent(NumberOrZero(head, "share")), " of all)");
  }
  return "";
}

// Of an evaluation, or of a result.
json QuantizedIn(const json& document) {
  if (!document.is_object()) return json();
  const json evaluation = document.value("evaluation", document);
  return evaluation.is_object() ? evaluation.value("quantized", json()) : json();
}

std::string HeadText(const json& head, const json& evaluated) {
  const std::string output = TextIn(head, "output"), part = TextIn(head, "part");
  const double weight = NumberIn(head, "weight").value_or(1);
  const bool is_guess = head.is_object() && head.value("guess", json(false)) == json(true);
  const std::string kind = TextIn(head, "kind");
  return absl::StrCat("output ", output, part.empty() ? "" : absl::StrCat(", its part ", part),
                      kind == "ignore" ? " is ignored" : absl::StrCat(" counts as ", kind),
                      weight == 1 ? "" : absl::StrCat(", weight ", FormatNumber(weight)),
                      is_guess ? " (a guess: " : " (", TextIn(head, "reason"), ")",
                      FoundText(evaluated, part.empty() ? output : part), "\n");
}

}  // namespace

std::string KlText(const json& document, double kl) {
  const json heads = ListIn(document, "heads");
  const bool is_measured =
      heads.empty() || std::any_of(heads.begin(), heads.end(), [](const json& head) {
        const std::string kind = TextIn(head, "kind");
        return kind == "kl" || kind == "bernoulli";
      });
  return is_measured ? absl::StrCat("KL ", FormatNumber(kl), ", ") : "";
}

std::string HeadsText(const json& document) {
  const json evaluated = ListIn(QuantizedIn(document), "heads");
  std::string text;
  for (const json& head : ListIn(document, "heads")) text += HeadText(head, evaluated);
  if (!evaluated.empty()) {
    const double all = NumberOrZero(QuantizedIn(document), "divergence");
    absl::StrAppend(&text, "divergence of all outputs ", FormatNumber(all), "\n");
  }
  return text;
}

}  // namespace halftone
