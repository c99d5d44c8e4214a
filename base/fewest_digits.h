#ifndef HALFTONE_BASE_FEWEST_DIGITS_H_
#define HALFTONE_BASE_FEWEST_DIGITS_H_

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace halftone {

// A number in as few digits, six at least, as it takes for `back` of what is read to be `value`
// again: "0.4", not "0.40000000000000002".
template <typename Back>
std::string FewestDigits(double number, double value, const Back& back) {
  std::string text;
  for (int digits = 6; digits <= 17; ++digits) {
    text = absl::StrFormat("%.*g", digits, number);
    double read = 0;
    if (absl::SimpleAtod(text, &read) && back(read) == value) break;
  }
  return text;
}

}  // namespace halftone

#endif  // HALFTONE_BASE_FEWEST_DIGITS_H_
