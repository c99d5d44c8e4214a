#include "nn/graph/head_finder.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "nn/graph/layer.h"

namespace halftone {
namespace {

constexpr size_t kMaxParts = 16;

// Where classes usually are: of images along the channels, else last.
int UsualClassAxis(int rank) { return rank >= 4 ? 1 : rank - 1; }

void SetUsualAxis(int rank, OutputHead& head) {
  if (rank < 2) return;
  head.class_axis = UsualClassAxis(rank);
  head.class_axis_end = head.class_axis + 1;
}

// [N, C], or what a convolution makes of it.
bool LooksLikeClasses(const Shape& shape) {
  const bool is_pixel = shape.rank() == 4 && shape.dim(2) == 1 && shape.dim(3) == 1;
  return (shape.rank() == 2 || is_pixel) && shape.dim(1) > 1;
}

// "[N, 10]".
std::string SampleShapeText(const Shape& shape) {
  std::string text = "[N";
  for (int axis = 1; axis < shape.rank(); ++axis) absl::StrAppend(&text, ", ", shape.dim(axis));
  return absl::StrCat(text, "]");
}

// " before a Transpose", or "".
std::string Before(const OutputTrace& trace) {
  if (trace.moves.empty()) return "";
  return absl::StrCat(", before a ", trace.moves.front()->op);
}

bool IsTold(HeadKind kind) { return kind == HeadKind::kKl || kind == HeadKind::kBernoulli; }

}  // namespace

HeadFinder::HeadFinder(const Graph& graph, const AskedHeads& asked)
    : graph_(graph), index_(graph), asked_(asked), names_(graph) {
  for (const Node& node : graph.nodes) {
    const bool is_fed = IsLayer(graph, node) || absl::c_any_of(node.inputs, [&](const auto& input) {
                          return fed_.contains(input);
                        });
    if (is_fed) fed_.insert(node.outputs.begin(), node.outputs.end());
  }
  // Of a network without layers outputs are told apart as if there were some.
  if (absl::c_any_of(graph.outputs, [&](const Port& port) { return fed_.contains(port.name); })) {
    return;
  }
  for (const Node& node : graph.nodes) fed_.insert(node.outputs.begin(), node.outputs.end());
}

const AskedHead* HeadFinder::AskedOf(const std::string& name) const {
  const auto found = asked_.find(name);
  return found == asked_.end() ? nullptr : &found->second;
}

const Shape& HeadFinder::ShapeOf(const std::string& value) const {
  return graph_.values.at(value).shape;
}

absl::StatusOr<std::vector<OutputHead>> HeadFinder::Find(const Port& port) {
  const AskedHead* asked = AskedOf(port.name);
  if (asked == nullptr) {
    const OutputTrace trace = TraceOutput(graph_, index_, port.name);
    HT_ASSIGN_OR_RETURN(std::vector<OutputHead> parts, FindParts(port, trace));
    if (!parts.empty()) return parts;
  }
  HT_ASSIGN_OR_RETURN(OutputHead head, HeadOf({port.name, asked, /*is_part=*/false}));
  head.output = port.name;
  return std::vector<OutputHead>{std::move(head)};
}

// Of a Concat at the end, where the user names parts or their kinds are told and differ.
absl::StatusOr<std::vector<OutputHead>> HeadFinder::FindParts(const Port& port,
                                                              const OutputTrace& trace) {
  std::vector<OutputHead> parts;
  const Node* concat = trace.producer;
  if (concat == nullptr || concat->op != "Concat" || !trace.KeepsSamples(graph_)) return parts;
  if (concat->inputs.size() < 2 || concat->inputs.size() > kMaxParts) return parts;
  HT_ASSIGN_OR_RETURN(const int64_t asked_axis, concat->Int("axis", 1));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked_axis, ShapeOf(trace.source).rank()));
  if (axis == 0) return parts;
  const size_t nodes = nodes_.size(), values = values_.size();
  bool named = false;
  for (const std::string& input : concat->inputs) {
    const AskedHead* asked = AskedOf(input);
    named |= asked != nullptr;
    HT_ASSIGN_OR_RETURN(OutputHead head, HeadOf({input, asked, /*is_part=*/true}));
    head.output = port.name;
    head.part = input;
    parts.push_back(std::move(head));
  }
  const bool told = absl::c_any_of(parts, [](const auto& part) { return IsTold(part.kind); });
  const bool differ =
      absl::c_any_of(parts, [&](const auto& part) { return part.kind != parts.front().kind; });
  if (named || (told && differ)) return parts;
  nodes_.resize(nodes);
  values_.resize(values);
  return std::vector<OutputHead>();
}

absl::StatusOr<OutputHead> HeadFinder::HeadOf(const Source& source) {
  const OutputTrace trace = TraceOutput(graph_, index_, source.value);
  std::optional<OutputHead> head;
  const bool may_tell = source.asked == nullptr || IsTold(source.asked->kind);
  if (may_tell && fed_.contains(source.value)) {
    HT_ASSIGN_OR_RETURN(head, FromEnd(source, trace));
  }
  if (!head.has_value()) head = FromShape(source, trace);
  if (source.asked != nullptr) HT_RETURN_IF_ERROR(SetAsked(*source.asked, *head));
  if (head->kind == HeadKind::kIgnore) head->value.clear();
  return *std::move(head);
}

absl::StatusOr<std::optional<OutputHead>> HeadFinder::FromEnd(const Source& source,
                                                              const OutputTrace& trace) {
  if (trace.producer == nullptr) return std::nullopt;
  const auto wanted = [&](HeadKind kind) {
    return source.asked == nullptr || source.asked->kind == kind;
  };
  const bool is_float = IsFloat(graph_.values.at(source.value).type);
  const bool says_axis = source.asked != nullptr && source.asked->axis.has_value();
  if (wanted(HeadKind::kKl) && is_float && !says_axis) {
    HT_ASSIGN_OR_RETURN(const std::optional<SoftmaxEnd> softmax,
                        FindSoftmaxEnd(graph_, index_, *trace.producer));
    if (softmax.has_value()) return FromSoftmax(*softmax, trace);
  }
  if (wanted(HeadKind::kBernoulli) && is_float && trace.producer->op == "Sigmoid") {
    return FromSigmoid(trace);
  }
  if (wanted(HeadKind::kKl) && !says_axis && trace.producer->op == "ArgMax") {
    return FromArgMax(trace);
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<OutputHead>> HeadFinder::FromSoftmax(const SoftmaxEnd& softmax,
                                                                  const OutputTrace& trace) {
  OutputHead head;
  head.kind = HeadKind::kKl;
  head.reason = absl::StrCat("a ", softmax.op, " at the end", Before(trace));
  head.class_axis = softmax.begin;
  head.class_axis_end = softmax.end;
  if (trace.KeepsSamples(graph_)) {
    head.value = softmax.logits;
  } else if (trace.OnlyTransposes() && head.class_axis_end == head.class_axis + 1) {
    for (const Node* move : trace.moves) {
      if (move->op != "Transpose") continue;
      HT_ASSIGN_OR_RETURN(const std::vector<int64_t> axes, move->Ints("perm", {}));
      const auto place = absl::c_find(axes, head.class_axis);
      if (place == axes.end()) return std::nullopt;
      head.class_axis = static_cast<int>(place - axes.begin());
      head.class_axis_end = head.class_axis + 1;
    }
    if (head.class_axis > 0) head.value = Repeat(trace.moves, softmax.logits);
  }
  if (head.value.empty() || head.class_axis == 0) return std::nullopt;
  return head;
}

std::optional<OutputHead> HeadFinder::FromSigmoid(const OutputTrace& trace) {
  const std::string& logits = trace.producer->inputs[0];
  OutputHead head;
  head.kind = HeadKind::kBernoulli;
  head.reason = absl::StrCat("a Sigmoid at the end", Before(trace));
  const bool keeps = trace.KeepsSamples(graph_);
  head.value = keeps ? logits : Repeat(trace.moves, logits);
  const std::string& shown = keeps || trace.moves.empty() ? logits : trace.moves.back()->outputs[0];
  SetUsualAxis(ShapeOf(shown).rank(), head);
  return head;
}

absl::StatusOr<std::optional<OutputHead>> HeadFinder::FromArgMax(const OutputTrace& trace) {
  const Node& choice = *trace.producer;
  HT_ASSIGN_OR_RETURN(const int64_t asked, choice.Int("axis", 0));
  HT_ASSIGN_OR_RETURN(const int axis, NormalizeAxis(asked, ShapeOf(choice.inputs[0]).rank()));
  if (axis == 0 || !trace.KeepsSamples(graph_)) return std::nullopt;
  OutputHead head;
  head.kind = HeadKind::kKl;
  head.reason = "an ArgMax at the end: what it chooses among";
  head.class_axis = axis;
  head.class_axis_end = axis + 1;
  head.value = choice.inputs[0];
  const OutputTrace scores = TraceOutput(graph_, index_, head.value);
  if (scores.producer == nullptr || !scores.moves.empty()) return head;
  HT_ASSIGN_OR_RETURN(const std::optional<SoftmaxEnd> softmax,
                      FindSoftmaxEnd(graph_, index_, *scores.producer));
  const bool is_same =
      softmax.has_value() && softmax->begin == axis && softmax->end == head.class_axis_end;
  if (is_same) head.value = softmax->logits;
  return head;
}

// Where nothing at its end tells.
OutputHead HeadFinder::FromShape(const Source& source, const OutputTrace& trace) const {
  const ValueInfo& info = graph_.values.at(source.value);
  OutputHead head;
  head.value = source.value;
  if (!fed_.contains(source.value)) {
    head.kind = HeadKind::kIgnore;
    head.reason = trace.producer == nullptr ? "an input or a constant that is passed on"
                                            : "no layer feeds it";
    return head;
  }
  if (!IsFloat(info.type)) {
    head.kind = HeadKind::kIgnore;
    head.reason = "whole numbers or truth values, which say no more than where they change";
    return head;
  }
  if (trace.producer != nullptr && IsNormalizedRow(graph_, index_, *trace.producer)) {
    head.kind = HeadKind::kCosine;
    head.reason = "rows that are made of length 1 at the end";
    SetUsualAxis(info.shape.rank(), head);
    return head;
  }
  const bool is_squashed = trace.producer != nullptr &&
                           (trace.producer->op == "Sigmoid" ||
                            trace.producer->op == "HardSigmoid" || trace.producer->op == "Tanh");
  if (!source.is_part && !is_squashed && LooksLikeClasses(info.shape)) {
    head.kind = HeadKind::kKl;
    head.by_shape = true;
    head.reason = absl::StrCat("its shape, ", SampleShapeText(info.shape),
                               ", which alone is no proof of class scores");
    SetUsualAxis(info.shape.rank(), head);
    return head;
  }
  head.kind = HeadKind::kMse;
  head.reason = "neither its shape nor what is at its end speaks of classes";
  return head;
}

absl::Status HeadFinder::SetAsked(const AskedHead& asked, OutputHead& head) const {
  // What was found is of another kind: the output itself is meant, whatever it is.
  head.is_guess = false;
  head.by_shape = false;
  head.reason = "asked for";
  head.weight = asked.weight;
  const bool was_found = head.kind == asked.kind && head.class_axis_end > head.class_axis;
  head.kind = asked.kind;
  if (asked.kind == HeadKind::kIgnore || asked.kind == HeadKind::kMse ||
      asked.kind == HeadKind::kRelative) {
    head.class_axis = head.class_axis_end = 0;
    return absl::OkStatus();
  }
  const auto info = graph_.values.find(head.value);
  if (was_found && !asked.axis.has_value()) return absl::OkStatus();
  if (info == graph_.values.end()) return absl::OkStatus();
  const int rank = info->second.shape.rank();
  head.class_axis = head.class_axis_end = 0;
  SetUsualAxis(rank, head);
  if (asked.axis.has_value()) {
    HT_ASSIGN_OR_RETURN(head.class_axis, NormalizeAxis(*asked.axis, rank));
    head.class_axis_end = head.class_axis + 1;
  }
  if (asked.kind != HeadKind::kKl && head.class_axis > 0) return absl::OkStatus();
  if (asked.kind == HeadKind::kBernoulli && rank < 2) return absl::OkStatus();
  if (head.class_axis > 0 && info->second.shape.dim(head.class_axis) > 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("output ", Quoted(head.value), " of shape ", info->second.shape.ToString(),
                   " has no axis of more than one element beside that of the samples that ",
                   HeadKindName(asked.kind), " could compare; name one as ",
                   HeadKindName(asked.kind), "@AXIS, or take mse"));
}

std::string HeadFinder::Repeat(const std::vector<const Node*>& moves, const std::string& src) {
  std::string value = src;
  for (size_t i = 0; i < moves.size(); ++i) {
    const std::string& read = i + 1 < moves.size() ? moves[i + 1]->inputs[0] : "";
    Node node = *moves[i];
    node.name = names_.Make(absl::StrCat(node.name, "/logits"));
    node.inputs[0] = value;
    std::string next;
    for (std::string& dst : node.outputs) {
      if (dst.empty()) continue;
      const std::string name = names_.Make(absl::StrCat(dst, "/logits"));
      values_.emplace_back(name, graph_.values.at(dst));
      if (dst == read || next.empty()) next = name;
      dst = name;
    }
    value = next;
    nodes_.push_back(std::move(node));
  }
  return value;
}

}  // namespace halftone
