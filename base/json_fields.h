#ifndef HALFTONE_BASE_JSON_FIELDS_H_
#define HALFTONE_BASE_JSON_FIELDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace halftone {

// Reads the fields of a JSON object into variables and keeps the first error: a field that is
// absent (or null) leaves its variable as it is, one of another type or outside its limits is an
// INVALID_ARGUMENT that names it. Borrows the object. Not thread-safe.
class JsonFields {
 public:
  // `where` names the object in errors, e.g. "spec"; "" where its fields' names say enough.
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
  // A finite number that is not negative, or one above 0, and at most `highest`.
  void ReadNonNegative(absl::string_view field, double highest, double* value) {
    ReadLimited(field, 0, /*or_lowest=*/true, highest, value);
  }
  void ReadNonNegative(absl::string_view field, double highest, std::optional<double>* value);
  void ReadPositive(absl::string_view field, double highest, double* value) {
    ReadLimited(field, 0, /*or_lowest=*/false, highest, value);
  }
  // Calls `read` on the field's text; its error is passed on with the field's name.
  void ReadText(absl::string_view field,
                const std::function<absl::Status(const std::string& text)>& read);
  // Text that `T::Parse` understands.
  template <typename T>
  void ReadParsed(absl::string_view field, T* value) {
    ReadText(field, [value](const std::string& text) {
      absl::StatusOr<T> parsed = T::Parse(text);
      if (!parsed.ok()) return parsed.status();
      *value = *std::move(parsed);
      return absl::OkStatus();
    });
  }
  // Calls `read` on each element of an array; on an object as a whole.
  void ReadEach(absl::string_view field,
                const std::function<absl::Status(const nlohmann::json& element)>& read);
  void ReadObject(absl::string_view field,
                  const std::function<absl::Status(const nlohmann::json& object)>& read);
  // The value that `parse`, an absl::StatusOr of it, makes of an object.
  template <typename Parse, typename T>
  void ReadObject(absl::string_view field, const Parse& parse, T* value) {
    ReadObject(field, [&](const nlohmann::json& object) -> absl::Status {
      auto parsed = parse(object);
      if (!parsed.ok()) return parsed.status();
      *value = *std::move(parsed);
      return absl::OkStatus();
    });
  }
  // The fields of an object in a field, or of each element of an array of `most` objects at most.
  // Their errors give the whole path: "layers[3].device.name".
  void ReadFields(absl::string_view field, const std::function<void(JsonFields& fields)>& read);
  void ReadEachFields(absl::string_view field, size_t most,
                      const std::function<void(JsonFields& fields)>& read);
  // Makes a field's absence an error.
  void Require(absl::string_view field);
  // Makes a field that was not asked for so far an error: most likely a misspelt one.
  void RefuseUnknown();
  // Makes the field an error that says `problem`, e.g. "must be a prime".
  void Fail(absl::string_view field, absl::string_view problem);

  const absl::Status& status() const { return status_; }

 private:
  const nlohmann::json* Find(absl::string_view field);
  void ReadBounded(absl::string_view field, int64_t lowest, int64_t highest, int64_t* value);
  void ReadLimited(absl::string_view field, double lowest, bool or_lowest, double highest,
                   double* value);
  void Fail(absl::string_view field, const absl::Status& status);
  std::string PathOf(absl::string_view field) const;

  const nlohmann::json& object_;
  std::string where_;
  std::vector<std::string> asked_;
  absl::Status status_;
};

}  // namespace halftone

#endif  // HALFTONE_BASE_JSON_FIELDS_H_
