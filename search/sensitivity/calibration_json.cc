#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"
#include "search/sensitivity/sensitivity.h"

namespace halftone {
namespace {

using nlohmann::json;
using QuantizerPtr = std::shared_ptr<const UniformQuantizer>;

template <typename Enum>
void ReadName(JsonFields& fields, absl::string_view field,
              absl::StatusOr<Enum> (*parse)(absl::string_view text), Enum* value) {
  fields.ReadText(field, [&](const std::string& text) -> absl::Status {
    HT_ASSIGN_OR_RETURN(*value, parse(text));
    return absl::OkStatus();
  });
}

json RangeToJson(const RangeOptions& range) {
  return {{"method", std::string(RangeMethodName(range.method))}, {"percentile", range.percentile}};
}

absl::Status ReadRange(const json& object, RangeOptions* range) {
  JsonFields fields(object, "range");
  ReadName(fields, "method", ParseRangeMethod, &range->method);
  fields.Read("percentile", &range->percentile);
  HT_RETURN_IF_ERROR(fields.status());
  if (!(range->percentile > 0 && range->percentile <= 100)) {
    return absl::InvalidArgumentError("field 'range.percentile' must be in (0, 100]");
  }
  return absl::OkStatus();
}

json QuantizerToJson(const UniformQuantizer& quantizer) {
  return {{"bits", quantizer.bits},
          {"symmetry", std::string(SymmetryName(quantizer.symmetry))},
          {"axis", quantizer.axis},
          {"scales", quantizer.scales},
          {"zero_points", quantizer.zero_points},
          {"qmin", quantizer.qmin},
          {"qmax", quantizer.qmax}};
}

absl::StatusOr<QuantizerPtr> QuantizerFromJson(const json& object) {
  UniformQuantizer quantizer;
  std::vector<double> scales, zero_points;
  JsonFields fields(object, "quantizer");
  fields.ReadInteger("bits", 1, 16, &quantizer.bits);
  ReadName(fields, "symmetry", ParseSymmetry, &quantizer.symmetry);
  fields.ReadInteger("axis", -1, Shape::kMaxRank, &quantizer.axis);
  fields.Read("scales", &scales);
  fields.Read("zero_points", &zero_points);
  fields.ReadInteger("qmin", -65536, 65536, &quantizer.qmin);
  fields.ReadInteger("qmax", -65536, 65536, &quantizer.qmax);
  HT_RETURN_IF_ERROR(fields.status());
  quantizer.scales.assign(scales.begin(), scales.end());
  quantizer.zero_points.assign(zero_points.begin(), zero_points.end());
  if (scales.empty() || scales.size() != zero_points.size()) {
    return absl::InvalidArgumentError("a quantizer has as many scales as zero points, and one");
  }
  return std::make_shared<const UniformQuantizer>(std::move(quantizer));
}

// Numbers distinct quantizers, so that those which layers share are written once.
class QuantizerTable {
 public:
  json Index(const QuantizerPtr& quantizer) {
    if (quantizer == nullptr) return nullptr;
    const auto [found, inserted] = index_.emplace(quantizer.get(), index_.size());
    if (inserted) table_.push_back(QuantizerToJson(*quantizer));
    return found->second;
  }
  json Take() { return std::move(table_); }

 private:
  std::map<const UniformQuantizer*, size_t> index_;
  json table_ = json::array();
};

absl::StatusOr<QuantizerPtr> Resolve(const json& entry, const char* field,
                                     const std::vector<QuantizerPtr>& table) {
  int64_t index = -1;
  JsonFields fields(entry, "quantizers");
  fields.ReadInteger(field, 0, static_cast<int64_t>(table.size()) - 1, &index);
  HT_RETURN_IF_ERROR(fields.status());
  return index < 0 ? nullptr : table[static_cast<size_t>(index)];
}

absl::StatusOr<std::map<Precision, LayerQuantizers>> LayerFromJson(
    const json& object, const std::vector<QuantizerPtr>& table) {
  if (!object.is_object()) return absl::InvalidArgumentError("must be an object");
  std::map<Precision, LayerQuantizers> layer;
  for (const auto& [name, entry] : object.items()) {
    LayerQuantizers quantizers;
    HT_ASSIGN_OR_RETURN(quantizers.precision, Precision::Parse(name));
    HT_ASSIGN_OR_RETURN(quantizers.src, Resolve(entry, "src", table));
    HT_ASSIGN_OR_RETURN(quantizers.weights, Resolve(entry, "weights", table));
    std::vector<double> shifts;
    JsonFields fields(entry, "quantizers");
    fields.Read("shifts", &shifts);
    HT_RETURN_IF_ERROR(fields.status());
    quantizers.shifts.assign(shifts.begin(), shifts.end());
    layer[quantizers.precision] = std::move(quantizers);
  }
  return layer;
}

}  // namespace

json QuantizationOptionsToJson(const QuantizationOptions& options) {
  return {{"weight_symmetry", std::string(SymmetryName(options.weight_symmetry))},
          {"weights_per_channel", options.weights_per_channel},
          {"weight_range", RangeToJson(options.weight_range)},
          {"bias_correction", options.bias_correction},
          {"activation_symmetry", std::string(SymmetryName(options.activation_symmetry))},
          {"activation_range", RangeToJson(options.activation_range)}};
}

absl::StatusOr<QuantizationOptions> QuantizationOptionsFromJson(const json& object) {
  QuantizationOptions options;
  JsonFields fields(object, "quantization");
  ReadName(fields, "weight_symmetry", ParseSymmetry, &options.weight_symmetry);
  fields.Read("weights_per_channel", &options.weights_per_channel);
  fields.ReadObject("weight_range",
                    [&](const json& range) { return ReadRange(range, &options.weight_range); });
  fields.Read("bias_correction", &options.bias_correction);
  ReadName(fields, "activation_symmetry", ParseSymmetry, &options.activation_symmetry);
  fields.ReadObject("activation_range",
                    [&](const json& range) { return ReadRange(range, &options.activation_range); });
  HT_RETURN_IF_ERROR(fields.status());
  if (options.activation_symmetry == Symmetry::kSymmetricSigned) {
    return absl::InvalidArgumentError(
        "field 'quantization.activation_symmetry': only weights have scales of either sign");
  }
  return options;
}

json CalibrationToJson(const Calibration& calibration) {
  QuantizerTable table;
  json layers = json::object();
  for (const auto& [name, precisions] : calibration.quantizers) {
    json& layer = layers[name] = json::object();
    for (const auto& [precision, quantizers] : precisions) {
      layer[precision.ToString()] = {{"src", table.Index(quantizers.src)},
                                     {"weights", table.Index(quantizers.weights)},
                                     {"shifts", quantizers.shifts}};
    }
  }
  return {{"heads", OutputHeadsToJson(calibration.heads)},
          {"warnings", calibration.warnings},
          {"options", QuantizationOptionsToJson(calibration.options)},
          {"layers", std::move(layers)},
          {"quantizers", table.Take()}};
}

absl::StatusOr<Calibration> CalibrationFromJson(const json& object) {
  Calibration calibration;
  std::vector<QuantizerPtr> table;
  JsonFields fields(object, "calibration");
  fields.ReadObject("options", QuantizationOptionsFromJson, &calibration.options);
  fields.ReadEach("heads", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(calibration.heads.emplace_back(), OutputHeadFromJson(element));
    return absl::OkStatus();
  });
  fields.Read("warnings", &calibration.warnings);
  fields.Require("quantizers");
  fields.ReadEach("quantizers", [&](const json& element) -> absl::Status {
    HT_ASSIGN_OR_RETURN(QuantizerPtr quantizer, QuantizerFromJson(element));
    table.push_back(std::move(quantizer));
    return absl::OkStatus();
  });
  fields.Require("layers");
  fields.ReadObject("layers", [&](const json& layers) -> absl::Status {
    for (const auto& [name, entry] : layers.items()) {
      HT_ASSIGN_OR_RETURN(calibration.quantizers[name], LayerFromJson(entry, table));
    }
    return absl::OkStatus();
  });
  HT_RETURN_IF_ERROR(fields.status());
  return calibration;
}

}  // namespace halftone
