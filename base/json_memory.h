#ifndef HALFTONE_BASE_JSON_MEMORY_H_
#define HALFTONE_BASE_JSON_MEMORY_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "base/bounded_json.h"

namespace halftone {

// What a JSON text consists of, counted without building it. A plain value.
struct JsonCounts {
  size_t objects = 0, arrays = 0;
  size_t members = 0;     // names of values in objects
  size_t texts = 0;       // values that are text
  size_t scalars = 0;     // numbers, truth values, nulls
  size_t long_bytes = 0;  // of names and texts that are too long to lie in a std::string itself
  size_t long_texts = 0;  // so many they are

  size_t values() const { return objects + arrays + texts + scalars; }
  // Those that are in no object: in arrays.
  size_t elements() const { return values() > members ? values() - members : 0; }
};

// Goes through the text once, as far as ParseBoundedJson would with these limits. Of what is no
// JSON it counts something. Thread-safe.
JsonCounts CountJson(absl::string_view text, const JsonLimits& limits = {});

// Bytes that nlohmann::json takes for so many, with what its arrays have in reserve.
double JsonBytes(const JsonCounts& counts);

}  // namespace halftone

#endif  // HALFTONE_BASE_JSON_MEMORY_H_
