#include "search/sensitivity/json_fields.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {

JsonFields::JsonFields(const nlohmann::json& object, absl::string_view where)
    : object_(object), where_(where) {
  if (!object.is_object()) {
    status_ = absl::InvalidArgumentError(absl::StrCat(where_, " must be a JSON object"));
  }
}

void JsonFields::Fail(absl::string_view field, absl::string_view expected) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(
      absl::StrCat("field '", where_, ".", field, "' must be ", expected));
}

void JsonFields::Fail(absl::string_view field, const absl::Status& status) {
  if (status_.ok()) status_ = Annotate(status, absl::StrCat("field '", where_, ".", field, "'"));
}

const nlohmann::json* JsonFields::Find(absl::string_view field) {
  if (!status_.ok()) return nullptr;
  const auto found = object_.find(std::string(field));
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::Require(absl::string_view field) {
  if (status_.ok() && Find(field) == nullptr) Fail(field, "present");
}

void JsonFields::Read(absl::string_view field, std::string* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_string()) return Fail(field, "a string");
  *value = found->get<std::string>();
}

void JsonFields::Read(absl::string_view field, bool* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_boolean()) return Fail(field, "true or false");
  *value = found->get<bool>();
}

void JsonFields::Read(absl::string_view field, double* value) {
  std::optional<double> read;
  Read(field, &read);
  if (read.has_value()) *value = *read;
}

void JsonFields::Read(absl::string_view field, std::optional<double>* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_number() || !std::isfinite(found->get<double>())) {
    return Fail(field, "a finite number");
  }
  *value = found->get<double>();
}

void JsonFields::Read(absl::string_view field, uint64_t* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_number_unsigned()) return Fail(field, "an integer that is not negative");
  *value = found->get<uint64_t>();
}

void JsonFields::ReadBounded(absl::string_view field, int64_t lowest, int64_t highest,
                             int64_t* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  const bool fits = found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->get<uint64_t>() <= INT64_MAX) &&
                    found->get<int64_t>() >= lowest && found->get<int64_t>() <= highest;
  if (!fits) return Fail(field, absl::StrCat("an integer from ", lowest, " to ", highest));
  *value = found->get<int64_t>();
}

void JsonFields::Read(absl::string_view field, std::vector<double>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(field, "an array of numbers");
  values->clear();
  for (const nlohmann::json& element : *found) {
    if (!element.is_number()) return Fail(field, "an array of numbers");
    values->push_back(element.get<double>());
  }
}

void JsonFields::Read(absl::string_view field, std::vector<std::string>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(field, "an array of strings");
  values->clear();
  for (const nlohmann::json& element : *found) {
    if (!element.is_string()) return Fail(field, "an array of strings");
    values->push_back(element.get<std::string>());
  }
}

void JsonFields::Read(absl::string_view field, std::map<std::string, std::string>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_object()) return Fail(field, "an object of strings");
  values->clear();
  for (const auto& [key, element] : found->items()) {
    if (!element.is_string()) return Fail(field, "an object of strings");
    (*values)[key] = element.get<std::string>();
  }
}

void JsonFields::Read(absl::string_view field, std::map<std::string, double>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_object()) return Fail(field, "an object of numbers");
  values->clear();
  for (const auto& [key, element] : found->items()) {
    if (!element.is_number()) return Fail(field, "an object of numbers");
    (*values)[key] = element.get<double>();
  }
}

void JsonFields::ReadText(absl::string_view field,
                          const std::function<absl::Status(const std::string&)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_string()) return Fail(field, "a string");
  Fail(field, read(found->get<std::string>()));
}

void JsonFields::ReadEach(absl::string_view field,
                          const std::function<absl::Status(const nlohmann::json&)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(field, "an array");
  for (const nlohmann::json& element : *found) {
    Fail(field, read(element));
    if (!status_.ok()) return;
  }
}

void JsonFields::ReadObject(absl::string_view field,
                            const std::function<absl::Status(const nlohmann::json&)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_object()) return Fail(field, "an object");
  Fail(field, read(*found));
}

}  // namespace halftone
