#ifndef HALFTONE_BASE_UNITS_H_
#define HALFTONE_BASE_UNITS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace halftone {

// The kinds of quantity that users write with a unit.
enum class Quantity {
  kTime,    // base unit nanosecond: ns, us, ms, s
  kSize,    // base unit byte: B, KB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024)
  kEnergy,  // base unit picojoule: pJ, nJ, uJ, mJ, J
  kCount,   // no unit: K, M, G, T (powers of 1000)
};

// Parses "4ms", "300KB", "1.5 mJ" to base units. A bare number is in base units. INVALID_ARGUMENT
// for anything else, for negative numbers, for what is not finite and for what is too small to be
// told from 0; the message names the text
// and the units that would fit.
absl::StatusOr<double> ParseQuantity(Quantity quantity, absl::string_view text);

// Whether a number's text says another number than 0 and its value is 0, because it is too small,
// or loses digits for that reason.
bool IsRoundedToZero(double value, absl::string_view digits);

// Three significant digits in the unit that reads best: "1.24 ms", "311 KB".
std::string FormatQuantity(Quantity quantity, double value);

// The same with as many digits as it takes, three at least, to say a number from `value` to `most`:
// a limit that is printed so, and taken from there, is not below what it was.
std::string FormatQuantityUp(Quantity quantity, double value, double most);
// What such a limit may be shown as at most: a two-thousandth more, or less where it is near what
// it is above.
double MostShown(double limit, double above);

}  // namespace halftone

#endif  // HALFTONE_BASE_UNITS_H_
