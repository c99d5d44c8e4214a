#ifndef HALFTONE_CLIENT_JSON_VALUES_H_
#define HALFTONE_CLIENT_JSON_VALUES_H_

#include <optional>
#include <string>

#include "nlohmann/json.hpp"

namespace halftone {

// Fields of documents that another program wrote: what is missing or of another type is nothing.
inline std::optional<double> NumberIn(const nlohmann::json& object, const char* field) {
  if (!object.is_object()) return std::nullopt;
  const auto found = object.find(field);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  return found->get<double>();
}

inline double NumberOrZero(const nlohmann::json& object, const char* field) {
  return NumberIn(object, field).value_or(0);
}

inline std::string TextIn(const nlohmann::json& object, const char* field) {
  if (!object.is_object()) return "";
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// An array, or one without elements.
inline nlohmann::json ListIn(const nlohmann::json& object, const char* field) {
  if (!object.is_object()) return nlohmann::json::array();
  const auto found = object.find(field);
  return found != object.end() && found->is_array() ? *found : nlohmann::json::array();
}

}  // namespace halftone

#endif  // HALFTONE_CLIENT_JSON_VALUES_H_
