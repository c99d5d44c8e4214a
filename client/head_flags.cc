#include "client/head_flags.h"

#include <cmath>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "client/rule_flags.h"

namespace halftone {
namespace {

// Takes what follows the last `mark` off `text`; false where there is none.
bool TakeAfter(char mark, std::string& text, std::string* after) {
  const size_t place = text.rfind(mark);
  if (place == std::string::npos) return false;
  *after = text.substr(place + 1);
  text.resize(place);
  return true;
}

absl::StatusOr<v1::OutputHead> ParseHead(std::string text) {
  v1::OutputHead head;
  std::string part;
  if (TakeAfter(':', text, &part)) {
    double weight = 0;
    if (!absl::SimpleAtod(part, &weight) || !std::isfinite(weight)) {
      return absl::InvalidArgumentError(absl::StrCat(Quoted(part), " is no weight"));
    }
    head.set_weight(weight);
  }
  if (TakeAfter('@', text, &part)) {
    int32_t axis = 0;
    if (!absl::SimpleAtoi(part, &axis)) {
      return absl::InvalidArgumentError(absl::StrCat(Quoted(part), " is no axis"));
    }
    head.set_axis(axis);
  }
  head.set_kind(text);
  return head;
}

}  // namespace

void AddHeadFlag(CLI::App* sub, std::vector<std::string>* texts) {
  sub->add_option(
         "--head", *texts,
         "OUTPUT=kl|bernoulli|mse|relative|cosine|ignore[:WEIGHT]: as what an output counts "
         "(default: a guess, which `inspect` shows); kl@AXIS: of classes along that axis; "
         "may be repeated")
      ->take_all();
}

absl::Status FillHeads(const std::vector<std::string>& texts,
                       google::protobuf::Map<std::string, v1::OutputHead>* heads) {
  for (const std::string& text : texts) {
    HT_ASSIGN_OR_RETURN(const auto pair, SplitPair("--head", text));
    const absl::StatusOr<v1::OutputHead> head = ParseHead(pair.second);
    if (!head.ok()) return Annotate(head.status(), absl::StrCat("--head ", Quoted(text)));
    HT_RETURN_IF_ERROR(AddOnce("--head", pair.first, *head, heads));
  }
  return absl::OkStatus();
}

}  // namespace halftone
