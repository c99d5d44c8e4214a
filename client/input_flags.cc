#include "client/input_flags.h"

#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "client/command.h"
#include "client/rule_flags.h"

namespace halftone {
namespace {

template <typename Number, typename Parse>
absl::StatusOr<Number> ParseNumber(absl::string_view flag, absl::string_view text, Parse parse) {
  Number value = 0;
  if (parse(text, &value)) return value;
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", Quoted(text), " is not a number"));
}

bool ParseInt(absl::string_view text, int64_t* value) { return absl::SimpleAtoi(text, value); }
// A number, or a truth value.
bool ParseDouble(absl::string_view text, double* value) {
  if (text == "true" || text == "false") {
    *value = text == "true" ? 1 : 0;
    return true;
  }
  return absl::SimpleAtod(text, value);
}

// "1x3xNx320": N, ? or -1 leave a size as the file or the data has it.
absl::StatusOr<v1::InputBinding::Shape> ParseShape(const std::string& text) {
  v1::InputBinding::Shape shape;
  for (const absl::string_view size : absl::StrSplit(text, 'x')) {
    if (size == "N" || size == "?" || size == "-1") {
      shape.add_sizes(-1);
      continue;
    }
    HT_ASSIGN_OR_RETURN(const int64_t number, ParseNumber<int64_t>("--shape", size, ParseInt));
    shape.add_sizes(number);
  }
  return shape;
}

absl::StatusOr<v1::InputBinding::Values> ParseValues(const std::string& text) {
  v1::InputBinding::Values values;
  for (const std::string& value : SplitList(text)) {
    HT_ASSIGN_OR_RETURN(const double number, ParseNumber<double>("--constant", value, ParseDouble));
    values.add_values(number);
  }
  return values;
}

absl::StatusOr<int64_t> ParseSize(const std::string& text) {
  return ParseNumber<int64_t>("--dim", text, ParseInt);
}

absl::StatusOr<int32_t> ParseAxis(const std::string& text) {
  HT_ASSIGN_OR_RETURN(const int64_t axis, ParseNumber<int64_t>("--batch-axis", text, ParseInt));
  if (axis >= 0 && axis < 64) return static_cast<int32_t>(axis);
  return absl::InvalidArgumentError(absl::StrCat("--batch-axis: ", axis, " is no axis"));
}

template <typename Value, typename Parse>
absl::Status Fill(absl::string_view flag, const std::vector<std::string>& texts, Parse parse,
                  google::protobuf::Map<std::string, Value>* map) {
  for (const std::string& text : texts) {
    HT_ASSIGN_OR_RETURN(const auto pair, SplitPair(flag, text));
    HT_ASSIGN_OR_RETURN(Value value, parse(pair.second));
    HT_RETURN_IF_ERROR(AddOnce(flag, pair.first, std::move(value), map));
  }
  return absl::OkStatus();
}

}  // namespace

void AddInputFlags(CLI::App* sub, InputFlags* flags) {
  sub->add_option("--shape", flags->shapes,
                  "INPUT=1x3x320x320 where the file leaves sizes open and no data has them; N: as "
                  "it is; may be repeated")
      ->take_all();
  sub->add_option("--dim", flags->axes,
                  "NAME=320 of an open axis by the name that the file gives it; may be repeated")
      ->take_all();
  sub->add_option("--constant", flags->constants,
                  "INPUT=VALUE[,VALUE..] in the place of data, for all samples; may be repeated")
      ->take_all();
  sub->add_option("--batch-axis", flags->sample_axes,
                  "INPUT=AXIS of the input along which samples lie (default: 0, or the axis that "
                  "is called as that of another input); may be repeated")
      ->take_all();
}

absl::Status FillInputs(const InputFlags& flags, v1::InputBinding* inputs) {
  HT_RETURN_IF_ERROR(Fill("--shape", flags.shapes, ParseShape, inputs->mutable_shapes()));
  HT_RETURN_IF_ERROR(Fill("--dim", flags.axes, ParseSize, inputs->mutable_axes()));
  HT_RETURN_IF_ERROR(Fill("--constant", flags.constants, ParseValues, inputs->mutable_constants()));
  return Fill("--batch-axis", flags.sample_axes, ParseAxis, inputs->mutable_sample_axes());
}

}  // namespace halftone
