#include "search/input_binding_json.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/json_fields.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

// Reads a map of whatever nlohmann::json converts to.
template <typename Value>
void ReadMap(JsonFields& fields, const char* field, std::map<std::string, Value>* map) {
  fields.ReadObject(field, [&](const json& object) {
    for (const auto& [name, element] : object.items()) {
      try {
        (*map)[name] = element.template get<Value>();
      } catch (const json::exception&) {
        return absl::InvalidArgumentError(absl::StrCat("'", name, "' is of another type"));
      }
    }
    return absl::OkStatus();
  });
}

}  // namespace

json InputBindingToJson(const InputBinding& binding) {
  json shapes = json::object();
  for (const auto& [input, shape] : binding.shapes) shapes[input] = shape.dims();
  return {{"shapes", std::move(shapes)},
          {"axes", binding.axes},
          {"constants", binding.constants},
          {"sample_axes", binding.sample_axes}};
}

absl::StatusOr<InputBinding> InputBindingFromJson(const json& object) {
  InputBinding binding;
  JsonFields fields(object, "inputs");
  std::map<std::string, std::vector<int64_t>> shapes;
  ReadMap(fields, "shapes", &shapes);
  ReadMap(fields, "axes", &binding.axes);
  ReadMap(fields, "constants", &binding.constants);
  ReadMap(fields, "sample_axes", &binding.sample_axes);
  HT_RETURN_IF_ERROR(fields.status());
  for (const auto& [input, dims] : shapes) binding.shapes[input] = Shape(absl::MakeSpan(dims));
  return binding;
}

}  // namespace halftone
