#include "nn/graph/operators/refused.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace halftone {
namespace {

struct Refusal {
  absl::string_view op, reason;
};

constexpr absl::string_view kRandom =
    "its result is random, so that no two runs of the network would agree: draw the numbers "
    "outside "
    "of it, and give them as an input";
constexpr absl::string_view kText = "it works on text: do that before the network";

constexpr Refusal kRefusals[] = {
    {"Bernoulli", kRandom},
    {"Multinomial", kRandom},
    {"RandomNormal", kRandom},
    {"RandomNormalLike", kRandom},
    {"RandomUniform", kRandom},
    {"RandomUniformLike", kRandom},
    {"RegexFullMatch", kText},
    {"StringConcat", kText},
    {"StringNormalizer", kText},
    {"StringSplit", kText},
    {"TfIdfVectorizer", kText},
    {"ImageDecoder", "it reads an image's file: decode images before the network"},
};

}  // namespace

std::string WhyRefused(const Node& node) {
  if (!node.domain.empty()) return absl::StrCat("operators of '", node.domain, "' are not known");
  const auto* const found =
      std::find_if(std::begin(kRefusals), std::end(kRefusals),
                   [&](const Refusal& refusal) { return refusal.op == node.op; });
  return found == std::end(kRefusals) ? "this operator is not known" : std::string(found->reason);
}

}  // namespace halftone
