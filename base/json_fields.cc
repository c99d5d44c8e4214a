#include "base/json_fields.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace halftone {

JsonFields::JsonFields(const nlohmann::json& object, absl::string_view where)
    : object_(object), where_(where) {
  if (!object.is_object()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat(where_.empty() ? "this" : where_, " must be a JSON object"));
  }
}

std::string JsonFields::PathOf(absl::string_view field) const {
  return where_.empty() ? std::string(field) : absl::StrCat(where_, ".", field);
}

void JsonFields::Fail(absl::string_view field, absl::string_view problem) {
  if (!status_.ok()) return;
  status_ = absl::InvalidArgumentError(absl::StrCat("field '", PathOf(field), "' ", problem));
}

void JsonFields::Fail(absl::string_view field, const absl::Status& status) {
  if (status_.ok()) status_ = Annotate(status, absl::StrCat("field '", PathOf(field), "'"));
}

const nlohmann::json* JsonFields::Find(absl::string_view field) {
  if (!status_.ok()) return nullptr;
  asked_.emplace_back(field);
  const auto found = object_.find(asked_.back());
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

void JsonFields::Require(absl::string_view field) {
  if (status_.ok() && Find(field) == nullptr) Fail(field, "is missing");
}

void JsonFields::RefuseUnknown() {
  if (!status_.ok()) return;
  for (const auto& [name, value] : object_.items()) {
    if (std::find(asked_.begin(), asked_.end(), name) == asked_.end()) {
      return Fail(name.substr(0, 100), "is not a known field");
    }
  }
}

void JsonFields::Read(absl::string_view field, std::string* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_string()) return Fail(field, "must be a string");
  *value = found->get<std::string>();
}

void JsonFields::Read(absl::string_view field, bool* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_boolean()) return Fail(field, "must be true or false");
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
    return Fail(field, "must be a finite number");
  }
  *value = found->get<double>();
}

void JsonFields::ReadNonNegative(absl::string_view field, double highest,
                                 std::optional<double>* value) {
  if (Find(field) != nullptr) ReadNonNegative(field, highest, &value->emplace());
}

void JsonFields::ReadLimited(absl::string_view field, double lowest, bool or_lowest, double highest,
                             double* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_number()) return Fail(field, "must be a number");
  const double number = found->get<double>();
  const bool high_enough = or_lowest ? number >= lowest : number > lowest;
  if (!std::isfinite(number) || !high_enough || number > highest) {
    return Fail(field, absl::StrCat("must be ", or_lowest ? "at least " : "more than ", lowest,
                                    " and at most ", highest, ", not ", number));
  }
  *value = number;
}

void JsonFields::Read(absl::string_view field, uint64_t* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_number_unsigned()) return Fail(field, "must be an integer that is not negative");
  *value = found->get<uint64_t>();
}

void JsonFields::ReadBounded(absl::string_view field, int64_t lowest, int64_t highest,
                             int64_t* value) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  const bool fits = found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->get<uint64_t>() <= INT64_MAX) &&
                    found->get<int64_t>() >= lowest && found->get<int64_t>() <= highest;
  if (!fits) return Fail(field, absl::StrCat("must be an integer from ", lowest, " to ", highest));
  *value = found->get<int64_t>();
}

void JsonFields::Read(absl::string_view field, std::vector<double>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(field, "must be an array of numbers");
  values->clear();
  for (const nlohmann::json& element : *found) {
    if (!element.is_number()) return Fail(field, "must be an array of numbers");
    values->push_back(element.get<double>());
  }
}

void JsonFields::Read(absl::string_view field, std::vector<std::string>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(field, "must be an array of strings");
  values->clear();
  for (const nlohmann::json& element : *found) {
    if (!element.is_string()) return Fail(field, "must be an array of strings");
    values->push_back(element.get<std::string>());
  }
}

void JsonFields::Read(absl::string_view field, std::map<std::string, std::string>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_object()) return Fail(field, "must be an object of strings");
  values->clear();
  for (const auto& [key, element] : found->items()) {
    if (!element.is_string()) return Fail(field, "must be an object of strings");
    (*values)[key] = element.get<std::string>();
  }
}

void JsonFields::Read(absl::string_view field, std::map<std::string, double>* values) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_object()) return Fail(field, "must be an object of numbers");
  values->clear();
  for (const auto& [key, element] : found->items()) {
    if (!element.is_number()) return Fail(field, "must be an object of numbers");
    (*values)[key] = element.get<double>();
  }
}

void JsonFields::ReadText(absl::string_view field,
                          const std::function<absl::Status(const std::string&)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_string()) return Fail(field, "must be a string");
  Fail(field, read(found->get<std::string>()));
}

void JsonFields::ReadEach(absl::string_view field,
                          const std::function<absl::Status(const nlohmann::json&)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(field, "must be an array");
  for (const nlohmann::json& element : *found) {
    Fail(field, read(element));
    if (!status_.ok()) return;
  }
}

void JsonFields::ReadObject(absl::string_view field,
                            const std::function<absl::Status(const nlohmann::json&)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_object()) return Fail(field, "must be an object");
  Fail(field, read(*found));
}

void JsonFields::ReadFields(absl::string_view field,
                            const std::function<void(JsonFields& fields)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_object()) return Fail(field, "must be an object");
  JsonFields inner(*found, PathOf(field));
  read(inner);
  status_ = inner.status();
}

void JsonFields::ReadEachFields(absl::string_view field, size_t most,
                                const std::function<void(JsonFields& fields)>& read) {
  const nlohmann::json* found = Find(field);
  if (found == nullptr) return;
  if (!found->is_array()) return Fail(field, "must be an array");
  if (found->size() > most) return Fail(field, absl::StrCat("has more than ", most, " elements"));
  for (size_t i = 0; i < found->size() && status_.ok(); ++i) {
    JsonFields inner((*found)[i], absl::StrCat(PathOf(field), "[", i, "]"));
    read(inner);
    status_ = inner.status();
  }
}

}  // namespace halftone
