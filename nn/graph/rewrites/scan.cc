#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nn/graph/rewrites/parts_builder.h"
#include "nn/graph/rewrites/rewrite.h"
#include "nn/graph/rewrites/subgraphs.h"

namespace halftone {
namespace {

// Along which axis, and from which end, inputs are read or outputs are stacked.
struct Course {
  int64_t axis = 0;
  bool is_reversed = false;
};

absl::StatusOr<std::vector<Course>> ReadCourses(const Node& node, const std::string& what,
                                                size_t count) {
  const std::vector<int64_t> zeros(count, 0);
  HT_ASSIGN_OR_RETURN(const auto axes, node.Ints(absl::StrCat("scan_", what, "_axes"), zeros));
  HT_ASSIGN_OR_RETURN(const auto directions,
                      node.Ints(absl::StrCat("scan_", what, "_directions"), zeros));
  if (axes.size() != count || directions.size() != count) {
    return absl::InvalidArgumentError(absl::StrCat(axes.size(), " axes and ", directions.size(),
                                                   " directions for ", count, " ", what, "s"));
  }
  std::vector<Course> courses;
  for (size_t i = 0; i < count; ++i) courses.push_back({axes[i], directions[i] != 0});
  return courses;
}

class ScanUnroller {
 public:
  ScanUnroller(const NodeContext& context, UniqueNames& names)
      : context_(context), node_(context.node), names_(names), builder_(context, names) {}

  absl::StatusOr<Parts> Unroll();

 private:
  absl::Status Read();
  absl::Status ReadLength();
  absl::Status CheckSteps() const;
  void Step(int64_t step, Copier& copier);
  absl::Status Finish();
  int64_t Position(const Course& course, int64_t step) const {
    return course.is_reversed ? length_ - 1 - step : step;
  }

  const NodeContext& context_;
  const Node& node_;
  UniqueNames& names_;
  PartsBuilder builder_;
  Subgraph body_;
  std::vector<std::string> state_, sources_;
  std::vector<Course> inputs_, outputs_;
  std::vector<std::vector<std::string>> results_;  // by output, then by position
  int64_t length_ = 0;
};

absl::Status ScanUnroller::Read() {
  HT_ASSIGN_OR_RETURN(body_, FindSubgraph(node_, "body"));
  const std::vector<std::string> own = OwnInputs(node_, body_);
  HT_ASSIGN_OR_RETURN(const int64_t scanned, node_.Int("num_scan_inputs", 0));
  const auto count = static_cast<int64_t>(own.size());
  const size_t outputs = body_.graph->outputs.size();
  if (scanned < 1 || scanned > count || body_.own_inputs != own.size() ||
      outputs + static_cast<size_t>(scanned) < own.size() || node_.outputs.size() > outputs) {
    return absl::InvalidArgumentError(absl::StrCat(
        own.size(), " inputs, ", scanned, " of them scanned, and ", node_.outputs.size(),
        " outputs for a body of ", body_.own_inputs, " and ", outputs));
  }
  state_.assign(own.begin(), own.end() - scanned);
  sources_.assign(own.end() - scanned, own.end());
  HT_ASSIGN_OR_RETURN(inputs_, ReadCourses(node_, "input", sources_.size()));
  HT_ASSIGN_OR_RETURN(outputs_, ReadCourses(node_, "output", outputs - state_.size()));
  return ReadLength();
}

absl::Status ScanUnroller::ReadLength() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    HT_ASSIGN_OR_RETURN(const ValueInfo info, context_.Input(state_.size() + i));
    HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(inputs_[i].axis, info.shape.rank()));
    inputs_[i].axis = axis;
    if (i > 0 && info.shape.dim(axis) != length_) {
      return absl::InvalidArgumentError(absl::StrCat(
          "its input '", sources_[i], "' has ", info.shape.dim(axis), " steps, not ", length_));
    }
    length_ = info.shape.dim(axis);
  }
  return absl::OkStatus();
}

// All copies of the body are there before the binder's budget is asked.
absl::Status ScanUnroller::CheckSteps() const {
  const std::vector<Node>& nodes = body_.graph->nodes;
  const auto count = static_cast<int64_t>(nodes.size() + sources_.size() + outputs_.size() + 1);
  if (length_ <= PartsBudget::kMostNodes / count &&
      length_ <= PartsBudget::kMostBytes / std::max<int64_t>(BytesOf(nodes), 1)) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrCat(length_, " steps of ", count, " nodes"));
}

void ScanUnroller::Step(int64_t step, Copier& copier) {
  const std::string prefix = absl::StrCat(node_.name, "/", step, "/");
  std::vector<std::string> sources = state_;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const std::string position =
        builder_.Constant("position", Tensor::Scalar(Position(inputs_[i], step)));
    sources.push_back(builder_.Op("Gather", {sources_[i], position}, {{"axis", inputs_[i].axis}}));
  }
  std::vector<std::string> results;
  for (const Port& output : body_.graph->outputs)
    results.push_back(names_.Make(prefix + output.name));
  copier.Copy(prefix, WithCaptured(std::move(sources), node_, body_), results,
              builder_.parts().nodes);
  for (size_t i = 0; i < state_.size(); ++i) state_[i] = results[i];
  for (size_t i = 0; i < outputs_.size(); ++i) {
    results_[i][static_cast<size_t>(Position(outputs_[i], step))] = results[state_.size() + i];
  }
}

absl::Status ScanUnroller::Finish() {
  for (size_t i = 0; i < state_.size(); ++i) builder_.Result(i, state_[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const size_t index = state_.size() + i;
    if (!builder_.IsWanted(index)) continue;
    if (length_ == 0) return absl::UnimplementedError("it scans nothing");
    builder_.Result(index, builder_.Stack(results_[i], outputs_[i].axis));
  }
  return absl::OkStatus();
}

absl::StatusOr<Parts> ScanUnroller::Unroll() {
  HT_RETURN_IF_ERROR(Read());
  HT_RETURN_IF_ERROR(CheckSteps());
  results_.assign(outputs_.size(), std::vector<std::string>(static_cast<size_t>(length_)));
  Copier copier(*body_.graph, absl::StrCat(node_.name, "/"), names_);
  builder_.parts().constants = copier.TakeConstants();
  for (int64_t step = 0; step < length_; ++step) Step(step, copier);
  HT_RETURN_IF_ERROR(Finish());
  return builder_.Take();
}

absl::StatusOr<Parts> RewriteScan(const NodeContext& context, UniqueNames& names) {
  return ScanUnroller(context, names).Unroll();
}

constexpr std::array kScanRewrites = {Rewrite{"", "Scan", RewriteScan}};

}  // namespace

absl::Span<const Rewrite> ScanRewrites() { return kScanRewrites; }

}  // namespace halftone
