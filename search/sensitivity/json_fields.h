#ifndef HALFTONE_SEARCH_SENSITIVITY_JSON_FIELDS_H_
#define HALFTONE_SEARCH_SENSITIVITY_JSON_FIELDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace halftone {

// Reads the fields of a JSON object into variables and keeps the first error: a field that is
// absent (or null) leaves its variable as it is, one of another type or outside its limits is an
// INVALID_ARGUMENT that names it. Borrows the object. Not thread-safe.
class JsonFields {
 public:
  // `where` names the object in errors, e.g. "spec".
  JsonFields(const nlohmann::json& object, absl::string_view where);

  void Read(absl::string_view field, std::string* value);
  void Read(absl::string_view field, bool* value);
  void Read(absl::string_view field, double* value);
  void Read(absl::string_view field, std::optional<double>* value);
  void Read(absl::string_view field, uint64_t* value);
  void Read(absl::string_view field, std::vector<double>* values);
  void Read(absl::string_view field, std::vector<std::string>* values);
  void Read(absl::string_view field, std::map<std::string, std::string>* values);
  void Read(absl::string_view field, std::map<std::string, double>* values);
  template <typename Integer>
  void ReadInteger(absl::string_view field, int64_t lowest, int64_t highest, Integer* value) {
    int64_t wide = static_cast<int64_t>(*value);
    ReadBounded(field, lowest, highest, &wide);
    *value = static_cast<Integer>(wide);
  }
  // Calls `read` on the field's text; its error is passed on with the field's name.
  void ReadText(absl::string_view field,
                const std::function<absl::Status(const std::string& text)>& read);
  // Calls `read` on each element of an array; on an object as a whole.
  void ReadEach(absl::string_view field,
                const std::function<absl::Status(const nlohmann::json& element)>& read);
  void ReadObject(absl::string_view field,
                  const std::function<absl::Status(const nlohmann::json& object)>& read);
  // Makes a field's absence an error.
  void Require(absl::string_view field);

  const absl::Status& status() const { return status_; }

 private:
  const nlohmann::json* Find(absl::string_view field);
  void ReadBounded(absl::string_view field, int64_t lowest, int64_t highest, int64_t* value);
  void Fail(absl::string_view field, absl::string_view expected);
  void Fail(absl::string_view field, const absl::Status& status);

  const nlohmann::json& object_;
  std::string where_;
  absl::Status status_;
};

}  // namespace halftone

#endif  // HALFTONE_SEARCH_SENSITIVITY_JSON_FIELDS_H_
