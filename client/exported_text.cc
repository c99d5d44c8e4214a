#include "client/exported_text.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/units.h"
#include "client/json_values.h"

namespace halftone {

namespace {

// Of layers that are otherwise in the file than they were evaluated; "" where there are none.
std::string BFloat16Text(const nlohmann::json& assignment) {
  const auto layers = std::count(assignment.begin(), assignment.end(), nlohmann::json("bf16"));
  if (layers == 0) return "";
  return absl::StrCat("  ", layers, layers == 1 ? " layer in bf16 is" : " layers in bf16 are",
                      " float32 in the file: 4 bytes a weight, where size_bytes counts 2, and "
                      "without what bf16 rounds\n");
}

std::string DifferenceText(const nlohmann::json& exported) {
  const std::optional<double> difference = NumberIn(exported, "difference");
  if (!difference.has_value()) return "";
  return absl::StrFormat(
      "  checked: run on calibration samples, its outputs are the quantized network's to %.2g of "
      "their root mean square\n",
      *difference);
}

}  // namespace

std::string ExportedText(const nlohmann::json& exported, const nlohmann::json& assignment) {
  const std::string file = TextIn(exported, "file");
  const std::optional<double> batch = NumberIn(exported, "batch");
  return absl::StrCat(
      file, " is ONNX of opset ", NumberOrZero(exported, "opset"),
      " in QDQ form (QuantizeLinear and DequantizeLinear), ",
      FormatQuantity(Quantity::kSize, NumberOrZero(exported, "size_bytes")), ", for ",
      batch.has_value() ? absl::StrCat("a batch of ", *batch, " alone") : "any batch",
      "; ONNX Runtime runs it: onnxruntime.InferenceSession('", file, "')\n",
      "  packed: weights of up to 8 bits, one byte each; simulated: fewer bits within those "
      "bytes,\n"
      "  9 to 16 bits in float32; kept as they were: f32 layers, and biases\n",
      BFloat16Text(assignment), DifferenceText(exported));
}

std::string ExportedLine() {
  return absl::StrCat(kExportedFile,
                      " is ONNX in QDQ form, which ONNX Runtime runs; `result` says more\n");
}

}  // namespace halftone
