#include "nn/graph/operators/einsum.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

// Labels of axes under an ellipsis count from here, the last axis first; letters are below.
constexpr int kFirstHidden = 256;
constexpr absl::string_view kEllipsis = "...";

absl::Status Malformed(absl::string_view term) {
  return absl::InvalidArgumentError(absl::StrCat("malformed term '", term, "' of its equation"));
}

// The labels of a term, with `hidden` axes where it has an ellipsis.
absl::StatusOr<std::vector<int>> ParseTerm(absl::string_view term, int hidden) {
  std::vector<int> labels;
  bool seen_ellipsis = false;
  for (size_t i = 0; i < term.size();) {
    if (term.substr(i, kEllipsis.size()) == kEllipsis && !seen_ellipsis) {
      for (int axis = hidden; axis-- > 0;) labels.push_back(kFirstHidden + axis);
      seen_ellipsis = true;
      i += kEllipsis.size();
    } else if (absl::ascii_isalpha(static_cast<unsigned char>(term[i]))) {
      labels.push_back(term[i++]);
    } else {
      return Malformed(term);
    }
  }
  return labels;
}

bool HasEllipsis(absl::string_view term) { return term.find(kEllipsis) != absl::string_view::npos; }

// Gives each label its size; under an ellipsis sizes broadcast.
absl::Status AddSizes(const std::vector<int>& labels, const Shape& shape,
                      std::map<int, int64_t>& sizes) {
  for (size_t i = 0; i < labels.size(); ++i) {
    const int64_t size = shape.dim(static_cast<int>(i));
    int64_t& known = sizes.emplace(labels[i], size).first->second;
    if (known == 1 && labels[i] >= kFirstHidden) known = size;
    if (size != known && !(size == 1 && labels[i] >= kFirstHidden)) {
      return absl::InvalidArgumentError(
          absl::StrCat("its equation gives the sizes ", known, " and ", size, " to one label"));
    }
  }
  return absl::OkStatus();
}

// Without an arrow: what an ellipsis hides, then every label that occurs once, in alphabetical
// order.
std::vector<int> ImplicitOutput(const EinsumTerms& terms) {
  std::vector<int> hidden, once;
  for (const auto& [label, size] : terms.sizes) {
    int count = 0;
    for (const std::vector<int>& labels : terms.inputs) {
      count += static_cast<int>(std::count(labels.begin(), labels.end(), label));
    }
    if (label >= kFirstHidden) hidden.insert(hidden.begin(), label);
    if (label < kFirstHidden && count == 1) once.push_back(label);
  }
  hidden.insert(hidden.end(), once.begin(), once.end());
  return hidden;
}

absl::Status CheckOutput(const EinsumTerms& terms) {
  std::vector<int> sorted = terms.output;
  std::sort(sorted.begin(), sorted.end());
  const bool repeats = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  const bool known = std::all_of(sorted.begin(), sorted.end(),
                                 [&](int label) { return terms.sizes.count(label) > 0; });
  if (known && !repeats) return absl::OkStatus();
  return absl::InvalidArgumentError("its result has a label twice, or one that no input has");
}

}  // namespace

absl::StatusOr<EinsumTerms> ResolveEinsum(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(std::string equation, context.node.String("equation", ""));
  equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
  const std::vector<std::string> sides = absl::StrSplit(equation, "->");
  const std::vector<std::string> inputs = absl::StrSplit(sides[0], ',');
  if (sides.size() > 2 || inputs.size() != context.infos.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("equation '", equation, "' for ", context.infos.size(), " inputs"));
  }
  EinsumTerms terms;
  int most_hidden = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    HT_ASSIGN_OR_RETURN(ValueInfo src, context.Input(i));
    HT_ASSIGN_OR_RETURN(std::vector<int> letters, ParseTerm(inputs[i], 0));
    const int hidden = src.shape.rank() - static_cast<int>(letters.size());
    if (hidden < 0 || (hidden > 0 && !HasEllipsis(inputs[i]))) return Malformed(inputs[i]);
    HT_ASSIGN_OR_RETURN(std::vector<int> labels, ParseTerm(inputs[i], hidden));
    HT_RETURN_IF_ERROR(AddSizes(labels, src.shape, terms.sizes));
    terms.inputs.push_back(std::move(labels));
    most_hidden = std::max(most_hidden, hidden);
  }
  if (sides.size() == 2) {
    HT_ASSIGN_OR_RETURN(terms.output, ParseTerm(sides[1], most_hidden));
  } else {
    terms.output = ImplicitOutput(terms);
  }
  HT_RETURN_IF_ERROR(CheckOutput(terms));
  return terms;
}

}  // namespace halftone
