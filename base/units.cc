#include "base/units.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace halftone {
namespace {

struct Unit {
  const char* name;
  double factor;
};

// In ascending order; the units that FormatQuantity uses come first.
const std::vector<Unit>& UnitsOf(Quantity quantity) {
  static const auto* const time =
      new std::vector<Unit>{{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
  static const auto* const size = new std::vector<Unit>{{"B", 1},
                                                        {"KB", 1e3},
                                                        {"MB", 1e6},
                                                        {"GB", 1e9},
                                                        {"KiB", 1024},
                                                        {"MiB", 1024.0 * 1024},
                                                        {"GiB", 1024.0 * 1024 * 1024}};
  static const auto* const energy =
      new std::vector<Unit>{{"pJ", 1}, {"nJ", 1e3}, {"uJ", 1e6}, {"mJ", 1e9}, {"J", 1e12}};
  static const auto* const count =
      new std::vector<Unit>{{"", 1}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}};
  switch (quantity) {
    case Quantity::kTime:
      return *time;
    case Quantity::kSize:
      return *size;
    case Quantity::kEnergy:
      return *energy;
    case Quantity::kCount:
      break;
  }
  return *count;
}

bool IsNumberCharacter(char c) {
  return absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '-' || c == '+';
}

// The length of the decimal number at the start of `text`, with its exponent if it has one.
size_t NumberLength(absl::string_view text) {
  size_t length = 0;
  while (length < text.size() && IsNumberCharacter(text[length])) ++length;
  if (length > 0 && length + 1 < text.size() && (text[length] == 'e' || text[length] == 'E')) {
    size_t exponent = length + 1;
    if (text[exponent] == '-' || text[exponent] == '+') ++exponent;
    size_t digits = exponent;
    while (digits < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[digits])))
      ++digits;
    if (digits > exponent) length = digits;
  }
  return length;
}

// The largest one of which a quantity is at least one.
const Unit& BestUnit(Quantity quantity, double value) {
  const std::vector<Unit>& units = UnitsOf(quantity);
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (std::fabs(value) < unit.factor || unit.factor < best->factor) continue;
    if (absl::string_view(unit.name).find('i') == absl::string_view::npos) best = &unit;
  }
  return *best;
}

// Of three significant digits; none where it is a whole number of base units.
int DecimalsOf(Quantity quantity, double value, const Unit& unit) {
  const double scaled = value / unit.factor, magnitude = std::fabs(scaled);
  if (scaled == std::floor(scaled) && &unit == &UnitsOf(quantity).front()) return 0;
  return magnitude >= 100 ? 0 : magnitude >= 10 ? 1 : 2;
}

std::string InUnit(double scaled, int decimals, const Unit& unit) {
  return absl::StrCat(absl::StrFormat("%.*f", decimals, scaled), *unit.name == '\0' ? "" : " ",
                      unit.name);
}

}  // namespace

absl::StatusOr<double> ParseQuantity(Quantity quantity, absl::string_view text) {
  const absl::string_view trimmed = absl::StripAsciiWhitespace(text);
  const size_t length = NumberLength(trimmed);
  const absl::string_view unit = absl::StripLeadingAsciiWhitespace(trimmed.substr(length));
  double number = 0;
  const bool is_number = absl::SimpleAtod(trimmed.substr(0, length), &number);
  if (is_number && number < 0) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is negative"));
  }
  if (is_number && IsRoundedToZero(number, trimmed.substr(0, length))) {
    return absl::InvalidArgumentError(absl::StrCat("'", text, "' is too small to be told from 0"));
  }
  const std::vector<Unit>& units = UnitsOf(quantity);
  if (is_number) {
    for (const Unit& candidate : units) {
      if (!unit.empty() && unit != candidate.name) continue;
      const double value = number * (unit.empty() ? 1 : candidate.factor);
      if (std::isfinite(value)) return value;
    }
  }
  std::vector<std::string> names;
  for (const Unit& candidate : units) {
    if (*candidate.name != '\0') names.push_back(candidate.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' is not a finite number with one of the units ", absl::StrJoin(names, ", ")));
}

bool IsRoundedToZero(double value, absl::string_view digits) {
  if (std::fpclassify(value) == FP_SUBNORMAL) return true;
  const absl::string_view mantissa = digits.substr(0, digits.find_first_of("eE"));
  return value == 0 && mantissa.find_first_of("123456789") != absl::string_view::npos;
}

std::string FormatQuantity(Quantity quantity, double value) {
  const Unit& unit = BestUnit(quantity, value);
  return InUnit(value / unit.factor, DecimalsOf(quantity, value, unit), unit);
}

double MostShown(double limit, double above) {
  return limit + std::min(limit / 2000, std::max(0.0, limit - above) / 20);
}

std::string FormatQuantityUp(Quantity quantity, double value, double most) {
  constexpr int kMostDecimals = 17;
  const Unit& unit = BestUnit(quantity, value);
  for (int decimals = DecimalsOf(quantity, value, unit); decimals <= kMostDecimals; ++decimals) {
    const double scale = std::pow(10.0, decimals);
    const double nearest = std::round(value / unit.factor * scale);
    for (const double candidate : {nearest, nearest + 1}) {
      const std::string text = InUnit(candidate / scale, decimals, unit);
      const absl::StatusOr<double> read = ParseQuantity(quantity, text);
      if (read.ok() && *read >= value && *read <= most) return text;
    }
  }
  return absl::StrFormat("%.17g", value);
}

}  // namespace halftone
