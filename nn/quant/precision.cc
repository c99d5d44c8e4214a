#include "nn/quant/precision.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/shown_text.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr int kMaxBits = 16;
constexpr NumberFormat kBFloat16 = {NumberFormat::Kind::kBFloat16, 16};

// Takes a number of bits from the front of `text`: 1 to 16, written without leading zeros, so that
// every precision has one spelling. 0 if there is none.
int ConsumeBits(absl::string_view& text) {
  int bits = 0;
  size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9' && bits <= kMaxBits) {
    bits = bits * 10 + (text[digits++] - '0');
  }
  if (digits == 0 || text[0] == '0' || bits > kMaxBits) return 0;
  text.remove_prefix(digits);
  return bits;
}

absl::Status UnknownPrecision(absl::string_view text) {
  return absl::InvalidArgumentError(
      absl::StrCat("unknown precision ", Quoted(text),
                   ": it is f32, bf16, w<bits>a<bits> such as w8a8, w<bits> for integer weights "
                   "with float activations, or a<bits> for the reverse; bits from 1 to 16"));
}

std::string FormatName(const NumberFormat& format) {
  switch (format.kind) {
    case NumberFormat::Kind::kFloat32:
      return "f32";
    case NumberFormat::Kind::kBFloat16:
      return "bf16";
    case NumberFormat::Kind::kInteger:
      return absl::StrCat(format.bits);
  }
  return "";
}

}  // namespace

absl::StatusOr<Precision> Precision::Parse(absl::string_view text) {
  if (text == "f32") return Float32();
  if (text == "bf16") return Precision{kBFloat16, kBFloat16};
  absl::string_view rest = text;
  Precision precision;
  for (const auto& [letter, format] :
       {std::pair("w", &precision.weights), std::pair("a", &precision.activations)}) {
    if (!absl::ConsumePrefix(&rest, letter)) continue;
    const int bits = ConsumeBits(rest);
    if (bits == 0) return UnknownPrecision(text);
    *format = NumberFormat::Integer(bits);
  }
  if (precision.IsFloat32() || !rest.empty()) return UnknownPrecision(text);
  return precision;
}

std::string Precision::ToString() const {
  if (weights == activations && !weights.IsInteger()) return FormatName(weights);
  if (activations == NumberFormat()) return absl::StrCat("w", FormatName(weights));
  if (weights == NumberFormat()) return absl::StrCat("a", FormatName(activations));
  return absl::StrCat("w", FormatName(weights), "a", FormatName(activations));
}

absl::StatusOr<std::vector<Precision>> ParsePrecisions(absl::string_view text) {
  std::vector<Precision> precisions;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    HT_ASSIGN_OR_RETURN(Precision precision, Precision::Parse(part));
    if (std::find(precisions.begin(), precisions.end(), precision) != precisions.end()) {
      return absl::InvalidArgumentError(absl::StrCat("precision '", part, "' is given twice"));
    }
    precisions.push_back(precision);
  }
  return precisions;
}

}  // namespace halftone
