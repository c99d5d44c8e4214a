#include "nn/graph/output_heads.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/enum_names.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr EnumName<HeadKind> kKinds[] = {
    {HeadKind::kKl, "kl"},         {HeadKind::kBernoulli, "bernoulli"},
    {HeadKind::kMse, "mse"},       {HeadKind::kRelative, "relative"},
    {HeadKind::kCosine, "cosine"}, {HeadKind::kIgnore, "ignore"}};
constexpr EnumNames<HeadKind> kKindNames("kind of output", kKinds);

absl::Status ReadKind(JsonFields& fields, HeadKind* kind) {
  fields.Require("kind");
  fields.ReadText("kind", [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(*kind, ParseHeadKind(text));
    return absl::OkStatus();
  });
  return fields.status();
}

absl::StatusOr<AskedHead> AskedHeadFromJson(const json& object) {
  AskedHead head;
  JsonFields fields(object, "heads");
  HT_RETURN_IF_ERROR(ReadKind(fields, &head.kind));
  fields.Read("weight", &head.weight);
  int64_t axis = INT64_MIN;
  fields.ReadInteger("axis", -Shape::kMaxRank, Shape::kMaxRank, &axis);
  HT_RETURN_IF_ERROR(fields.status());
  if (axis != INT64_MIN) head.axis = static_cast<int>(axis);
  HT_RETURN_IF_ERROR(CheckAskedHead(head));
  return head;
}

}  // namespace

absl::StatusOr<HeadKind> ParseHeadKind(absl::string_view text) { return kKindNames.Parse(text); }

absl::string_view HeadKindName(HeadKind kind) { return kKindNames.NameOf(kind); }

absl::Status CheckAskedHead(const AskedHead& head) {
  if (head.weight >= 1 / kMaxHeadWeight && head.weight <= kMaxHeadWeight) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the weight ", head.weight, " is not in ", 1 / kMaxHeadWeight, " to ",
                   kMaxHeadWeight, head.weight == 0 ? "; 'ignore' leaves an output out" : ""));
}

json AskedHeadsToJson(const AskedHeads& heads) {
  json object = json::object();
  for (const auto& [name, head] : heads) {
    json& entry =
        object[name] = {{"kind", std::string(HeadKindName(head.kind))}, {"weight", head.weight}};
    if (head.axis.has_value()) entry["axis"] = *head.axis;
  }
  return object;
}

absl::StatusOr<AskedHeads> AskedHeadsFromJson(const json& object) {
  AskedHeads heads;
  if (!object.is_object()) return absl::InvalidArgumentError("must be an object");
  for (const auto& [name, entry] : object.items()) {
    HT_ASSIGN_OR_RETURN(heads[name], AskedHeadFromJson(entry));
  }
  return heads;
}

void WeighLabels(const Graph& bound, absl::Span<const int64_t> labels,
                 std::vector<OutputHead>& heads) {
  if (labels.empty()) return;
  const auto [least, most] = std::minmax_element(labels.begin(), labels.end());
  for (OutputHead& head : heads) {
    if (!head.by_shape || head.kind != HeadKind::kKl) continue;
    const auto info = bound.values.find(head.value);
    if (info == bound.values.end() || *least < 0) continue;
    const int64_t classes = info->second.shape.dim(head.class_axis);
    if (*most >= classes) continue;
    head.by_shape = false;
    head.reason = absl::StrCat("its shape, of ", classes, " classes, and the data's labels (",
                               *least, " to ", *most, "), which fit it");
  }
}

json OutputHeadsToJson(absl::Span<const OutputHead> heads) {
  json array = json::array();
  for (const OutputHead& head : heads) {
    json object = {{"output", head.output},
                   {"kind", std::string(HeadKindName(head.kind))},
                   {"guess", head.is_guess},
                   {"reason", head.reason}};
    if (!head.part.empty()) object["part"] = head.part;
    if (head.kind != HeadKind::kIgnore) {
      object["weight"] = head.weight;
      object["scale"] = head.scale;
    }
    array.push_back(std::move(object));
  }
  return array;
}

absl::StatusOr<OutputHead> OutputHeadFromJson(const json& object) {
  OutputHead head;
  JsonFields fields(object, "heads");
  fields.Read("output", &head.output);
  fields.Read("part", &head.part);
  HT_RETURN_IF_ERROR(ReadKind(fields, &head.kind));
  fields.Read("weight", &head.weight);
  fields.Read("guess", &head.is_guess);
  fields.Read("reason", &head.reason);
  fields.Read("scale", &head.scale);
  HT_RETURN_IF_ERROR(fields.status());
  return head;
}

}  // namespace halftone
