#include "nn/graph/rewrites/loop.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/subgraphs.h"

namespace halftone {
namespace {

constexpr size_t kFirstState = 2;  // after the trip count and the condition

absl::StatusOr<int64_t> ReadTripCount(const NodeContext& context) {
  HT_ASSIGN_OR_RETURN(const auto count, context.ConstantInts(0, "trip count"));
  if (!count.has_value()) return std::numeric_limits<int64_t>::max();
  if (count->size() == 1) return count->front();
  return absl::InvalidArgumentError(
      absl::StrCat("its trip count has ", count->size(), " elements"));
}

absl::Status CheckCounts(const Node& node, const Subgraph& body, size_t own_inputs) {
  const size_t state = body.own_inputs - kFirstState;
  const size_t outputs = body.graph->outputs.size();
  if (body.own_inputs == own_inputs && outputs > state && node.outputs.size() < outputs) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(own_inputs, " inputs and ", node.outputs.size(),
                                                 " outputs for a body of ", body.own_inputs,
                                                 " and ", outputs));
}

}  // namespace

LoopUnroller::LoopUnroller(Node node, int64_t opset, Subgraph body, UniqueNames& names)
    : node_(std::move(node)), opset_(opset), body_(std::move(body)), names_(&names) {}

absl::StatusOr<LoopUnroller> LoopUnroller::Create(const NodeContext& context, UniqueNames& names) {
  HT_ASSIGN_OR_RETURN(Subgraph body, FindSubgraph(context.node, "body"));
  std::vector<std::string> own = OwnInputs(context.node, body);
  if (own.size() < kFirstState) own.resize(kFirstState);
  if (body.own_inputs < kFirstState) return absl::InvalidArgumentError("its body has no condition");
  HT_RETURN_IF_ERROR(CheckCounts(context.node, body, own.size()));
  LoopUnroller loop(context.node, context.opset, std::move(body), names);
  if (!own[0].empty()) {
    HT_ASSIGN_OR_RETURN(loop.most_steps_, ReadTripCount(context));
  }
  loop.condition_ = own[1];
  loop.state_.assign(own.begin() + kFirstState, own.end());
  loop.scanned_.resize(loop.body_.graph->outputs.size() - 1 - loop.state_.size());
  return loop;
}

absl::StatusOr<bool> LoopUnroller::HasNext(const Tensor* condition) const {
  if (steps_ >= most_steps_) return false;
  if (condition_.empty()) return true;
  if (condition != nullptr) return ReadCondition(*condition);
  return absl::UnimplementedError(
      absl::StrCat("its condition '", condition_, "' depends on the input's values"));
}

absl::StatusOr<Parts> LoopUnroller::Next(const Tensor* condition) {
  HT_ASSIGN_OR_RETURN(const bool has_next, HasNext(condition));
  if (has_next) return Step();
  is_done_ = true;
  return Finish();
}

Parts LoopUnroller::Step() {
  Parts parts;
  if (!copier_.has_value()) {
    copier_.emplace(*body_.graph, absl::StrCat(node_.name, "/"), *names_);
    parts.constants = copier_->TakeConstants();
  }
  const std::string prefix = absl::StrCat(node_.name, "/", steps_, "/");
  const auto constant = [&](const char* name, Tensor tensor) {
    return parts.constants.emplace(names_->Make(prefix + name), std::move(tensor)).first->first;
  };
  std::string is_next = condition_;
  if (is_next.empty()) is_next = constant("condition", Tensor::FromInts(DataType::kBool, {}, {1}));
  std::vector<std::string> sources = {constant("step", Tensor::Scalar(steps_)), is_next};
  sources.insert(sources.end(), state_.begin(), state_.end());
  std::vector<std::string> results;
  for (const Port& output : body_.graph->outputs) {
    results.push_back(names_->Make(prefix + output.name));
  }
  copier_->Copy(prefix, WithCaptured(std::move(sources), node_, body_), results, parts.nodes);
  condition_ = results[0];
  for (size_t i = 0; i < state_.size(); ++i) state_[i] = results[1 + i];
  for (size_t i = 0; i < scanned_.size(); ++i) {
    scanned_[i].push_back(results[1 + state_.size() + i]);
  }
  ++steps_;
  return parts;
}

absl::StatusOr<Parts> LoopUnroller::Finish() {
  PartsBuilder builder(node_, opset_, *names_);
  for (size_t i = 0; i < state_.size(); ++i) builder.Result(i, state_[i]);
  for (size_t i = 0; i < scanned_.size(); ++i) {
    const size_t index = state_.size() + i;
    if (!builder.IsWanted(index)) continue;
    if (steps_ == 0) {
      return absl::UnimplementedError(
          absl::StrCat("it takes no steps, of which '", node_.outputs[index], "' would be"));
    }
    builder.Result(index, builder.Stack(scanned_[i], 0));
  }
  return builder.Take();
}

}  // namespace halftone
