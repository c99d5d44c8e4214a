#include "nn/graph/rewrites/sequences.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"

namespace halftone {
namespace {

// Of one list.
constexpr int64_t kMaxMembers = 1 << 16;

// The place that input `index` names in a list of `count`, or the last where it is absent; from the
// end where it is negative. To insert, what is behind the end is a place too, and the last one.
absl::StatusOr<size_t> PlaceOf(const NodeContext& context, size_t index, size_t members,
                               bool inserts = false) {
  const auto count = static_cast<int64_t>(members);
  const int64_t last = inserts ? count : count - 1;
  HT_ASSIGN_OR_RETURN(const auto asked, context.ConstantInts(index, "position"));
  int64_t place = last;
  if (asked.has_value()) {
    if (asked->size() != 1) return absl::InvalidArgumentError("its position is not one number");
    place = asked->front() < 0 ? asked->front() + count : asked->front();
  }
  if (place >= 0 && place <= last) return static_cast<size_t>(place);
  return absl::InvalidArgumentError(absl::StrCat(
      "position ", asked.has_value() ? asked->front() : place, " in a list of ", count));
}

// The sizes of the parts of an axis, as a number (all but the last are so long), a list, or 1 each.
absl::StatusOr<std::vector<int64_t>> PartSizes(const NodeContext& context, int64_t size) {
  HT_ASSIGN_OR_RETURN(const auto asked, context.ConstantInts(1, "split"));
  std::vector<int64_t> sizes;
  if (asked.has_value() && context.infos[1]->shape.rank() > 0) {
    sizes = *asked;
  } else {
    const int64_t each = asked.has_value() && !asked->empty() ? asked->front() : 1;
    if (each < 1) return absl::InvalidArgumentError(absl::StrCat("parts of ", each));
    if (size / each > kMaxMembers) {
      return absl::UnimplementedError(absl::StrCat(size / each, " parts"));
    }
    for (int64_t left = size; left > 0; left -= each) sizes.push_back(std::min(each, left));
  }
  int64_t sum = 0;
  for (const int64_t part : sizes) {
    if (part < 0 || part > size - sum) {
      return absl::InvalidArgumentError(absl::StrCat("its parts are not those of ", size));
    }
    sum += part;
  }
  if (sum == size) return sizes;
  return absl::InvalidArgumentError(absl::StrCat("its parts are ", sum, " long, not ", size));
}

absl::StatusOr<std::vector<std::string>> WriteSplit(const NodeContext& context,
                                                    PartsBuilder& builder) {
  HT_ASSIGN_OR_RETURN(const ValueInfo src, context.Input(0));
  HT_ASSIGN_OR_RETURN(const int64_t asked, context.node.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, src.shape.rank()));
  HT_ASSIGN_OR_RETURN(const int64_t keep, context.node.Int("keepdims", 1));
  HT_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, PartSizes(context, src.shape.dim(axis)));
  std::vector<std::string> parts = builder.Split(context.node.inputs[0], axis, sizes);
  if (keep != 0 || context.HasInput(1)) return parts;
  for (std::string& part : parts) part = builder.Squeeze(part, axis);
  return parts;
}

}  // namespace

bool SequenceTable::Concerns(const Node& node) const {
  static constexpr std::array<absl::string_view, 12> kOperators = {
      "SequenceConstruct", "SequenceEmpty",  "SequenceInsert",     "SequenceErase",
      "SequenceAt",        "SequenceLength", "SplitToSequence",    "ConcatFromSequence",
      "SequenceMap",       "Optional",       "OptionalGetElement", "OptionalHasElement"};
  if (!node.domain.empty()) return false;
  if (node.op == "Identity") return !node.inputs.empty() && Contains(node.inputs[0]);
  return std::find(kOperators.begin(), kOperators.end(), node.op) != kOperators.end();
}

absl::StatusOr<SequenceTable::Members> SequenceTable::MembersOf(const NodeContext& context,
                                                                size_t input) const {
  const auto found = members_.find(context.node.Input(input));
  if (found != members_.end()) return found->second;
  return absl::InvalidArgumentError(
      absl::StrCat("its source '", context.node.Input(input), "' is no list of tensors"));
}

absl::StatusOr<SequenceTable::Members> SequenceTable::Constructed(
    const NodeContext& context) const {
  Members members;
  for (size_t i = 0; i < context.node.inputs.size(); ++i) {
    if (Contains(context.node.inputs[i])) return absl::UnimplementedError("a list of lists");
    HT_RETURN_IF_ERROR(context.Input(i).status());
    members.push_back(context.node.inputs[i]);
  }
  return members;
}

absl::StatusOr<SequenceTable::Members> SequenceTable::Changed(const NodeContext& context) const {
  HT_ASSIGN_OR_RETURN(Members members, MembersOf(context, 0));
  const bool inserts = context.node.op == "SequenceInsert";
  HT_ASSIGN_OR_RETURN(const size_t place,
                      PlaceOf(context, inserts ? 2 : 1, members.size(), inserts));
  const auto at = members.begin() + static_cast<std::ptrdiff_t>(place);
  if (!inserts) {
    members.erase(at);
    return members;
  }
  if (Contains(context.node.Input(1))) return absl::UnimplementedError("a list of lists");
  HT_RETURN_IF_ERROR(context.Input(1).status());
  if (static_cast<int64_t>(members.size()) >= kMaxMembers) {
    return absl::UnimplementedError("a list that long");
  }
  members.insert(at, context.node.inputs[1]);
  return members;
}

absl::StatusOr<Parts> SequenceTable::Apply(const NodeContext& context, UniqueNames& names) {
  const Node& node = context.node;
  if (node.outputs.empty()) return absl::InvalidArgumentError("it has no result");
  PartsBuilder builder(context, names);
  std::optional<Members> made;
  if (node.op == "SequenceConstruct" || node.op == "SequenceEmpty" || node.op == "Optional") {
    HT_ASSIGN_OR_RETURN(made, Constructed(context));
  } else if (node.op == "SequenceInsert" || node.op == "SequenceErase") {
    HT_ASSIGN_OR_RETURN(made, Changed(context));
  } else if (node.op == "SplitToSequence") {
    HT_ASSIGN_OR_RETURN(made, WriteSplit(context, builder));
  } else if (node.op == "Identity") {
    HT_ASSIGN_OR_RETURN(made, MembersOf(context, 0));
  } else if (node.op == "SequenceMap") {
    return absl::UnimplementedError(
        "a graph applied to each tensor of a list: export the model with its loop unrolled");
  }
  if (made.has_value()) {
    members_[node.outputs[0]] = *std::move(made);
    return builder.Take();
  }
  // What is left reads a list, or a tensor where that may stand for an optional one.
  const bool is_tensor = !Contains(node.Input(0)) && context.HasInput(0);
  if (node.op == "OptionalHasElement") {
    const bool has = is_tensor || (Contains(node.Input(0)) && !members_.at(node.inputs[0]).empty());
    builder.Result(0, builder.Constant("has", Tensor::FromInts(DataType::kBool, Shape{}, {has})));
    return builder.Take();
  }
  if (node.op == "OptionalGetElement" && is_tensor) {
    builder.Result(0, node.inputs[0]);
    return builder.Take();
  }
  HT_ASSIGN_OR_RETURN(Members members, MembersOf(context, 0));
  if (node.op == "SequenceLength") {
    const auto length = static_cast<int64_t>(members.size());
    builder.Result(0, builder.Constant("length", Tensor::Scalar(length)));
  } else if (node.op == "ConcatFromSequence") {
    HT_ASSIGN_OR_RETURN(const int64_t axis, node.Int("axis", 0));
    HT_ASSIGN_OR_RETURN(const int64_t is_new, node.Int("new_axis", 0));
    if (members.empty()) return absl::InvalidArgumentError("an empty list");
    builder.Result(0, is_new != 0 ? builder.Stack(members, axis) : builder.Concat(members, axis));
  } else {
    HT_ASSIGN_OR_RETURN(const size_t place, PlaceOf(context, 1, members.size()));
    builder.Result(0, members[place]);
  }
  return builder.Take();
}

}  // namespace halftone
