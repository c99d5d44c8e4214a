// Accelerator::Parse.
#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/bounded_json.h"
#include "base/json_fields.h"
#include "base/shown_text.h"
#include "base/status_macros.h"
#include "profilers/simulated/accelerator.h"

namespace halftone {
namespace {

using nlohmann::json;

constexpr size_t kMaxParametersText = 4096;
// Horowitz, ISSCC 2014.
constexpr double kMultiply8x8At45nm = 0.2, kAdd32At45nm = 0.1, kDram64BitsAt45nm = 1300;

using Limits = AcceleratorLimits;

bool IsPlainName(const std::string& name) {
  bool plain = !name.empty() && name.size() <= 64 && absl::ascii_isalpha(name[0]);
  for (const char c : name) plain &= absl::ascii_isalnum(c) || c == '-' || c == '_';
  return plain;
}

// The fields of a part; all that it does not call optional must be there.
class Part {
 public:
  explicit Part(JsonFields& fields) : fields_(fields) {}

  void Number(const char* name, double most, double* value) {
    fields_.Require(name);
    fields_.ReadPositive(name, most, value);
  }
  void Energy(const char* name, double* value) {
    fields_.Require(name);
    fields_.ReadNonNegative(name, Limits::kPicojoule, value);
  }
  void Integer(const char* name, int64_t most, int64_t* value) {
    fields_.Require(name);
    fields_.ReadInteger(name, 1, most, value);
  }
  // The position of the field's text among `names`.
  template <typename Enum>
  void OneOf(const char* name, const std::vector<std::string>& names, Enum* value) {
    fields_.Require(name);
    std::string text;
    fields_.Read(name, &text);
    if (!fields_.status().ok()) return;
    const auto found = std::find(names.begin(), names.end(), text);
    if (found == names.end()) {
      return fields_.Fail(name, absl::StrCat("must be one of ", absl::StrJoin(names, ", ")));
    }
    *value = static_cast<Enum>(found - names.begin());
  }

 private:
  JsonFields& fields_;
};

// Reads a part that must be there, and has no fields but those that are read.
void ReadPart(JsonFields& document, const char* name,
              const std::function<void(JsonFields& fields, Part part)>& read) {
  document.Require(name);
  document.ReadFields(name, [&](JsonFields& fields) {
    read(fields, Part(fields));
    fields.RefuseUnknown();
  });
}

void ReadElement(Part part, ProcessingElement& element) {
  using Kind = ProcessingElement::Kind;
  part.OneOf("kind", {"fixed", "bit-composable", "bit-serial"}, &element.kind);
  part.Integer("weight_bits", Limits::kBits, &element.weight_bits);
  part.Integer("activation_bits", Limits::kBits, &element.activation_bits);
  if (element.kind == Kind::kBitComposable) {
    part.Integer("brick_bits", Limits::kBits, &element.brick_bits);
    part.Integer("fused_bits", Limits::kBits, &element.fused_bits);
    return;
  }
  part.Integer("products", Limits::kProducts, &element.products);
  if (element.kind == Kind::kFixed) {
    part.OneOf("wider", {"refused", "passes"}, &element.passes);
    return;
  }
  int serial = 0;
  part.OneOf("serial", {"weights", "activations", "both"}, &serial);
  element.serial_weights = serial != 1;
  element.serial_activations = serial != 0;
}

void ReadEnergy(JsonFields& fields, Part part, ActionEnergy& energy) {
  fields.Require("technology");
  fields.Read("technology", &energy.technology);
  fields.ReadNonNegative("buffer_64_bits_pj", Limits::kPicojoule, &energy.buffer_64_bits_pj);
  if (energy.technology == kTabulatedTechnology) {
    energy.multiply_8x8_pj = kMultiply8x8At45nm;
    energy.accumulate_pj = kAdd32At45nm;
    energy.dram_64_bits_pj = kDram64BitsAt45nm;
    fields.ReadNonNegative("multiply_8x8_pj", Limits::kPicojoule, &energy.multiply_8x8_pj);
    fields.ReadNonNegative("accumulate_pj", Limits::kPicojoule, &energy.accumulate_pj);
    fields.ReadNonNegative("dram_64_bits_pj", Limits::kPicojoule, &energy.dram_64_bits_pj);
    return;
  }
  part.Energy("multiply_8x8_pj", &energy.multiply_8x8_pj);
  part.Energy("accumulate_pj", &energy.accumulate_pj);
  part.Energy("dram_64_bits_pj", &energy.dram_64_bits_pj);
  fields.Require("buffer_64_bits_pj");
}

ProcessorArray ReadArray(JsonFields& document) {
  ProcessorArray array;
  ReadPart(document, "array", [&](JsonFields& fields, Part part) {
    part.Integer("rows", Limits::kSide, &array.rows);
    part.Integer("columns", Limits::kSide, &array.columns);
    part.Number("clock_mhz", Limits::kClockMhz, &array.clock_mhz);
    part.OneOf("dataflow", {"output-stationary", "weight-stationary", "input-stationary"},
               &array.dataflow);
    part.OneOf("interconnect", {"systolic", "broadcast"}, &array.interconnect);
    fields.Read("exposed_drain", &array.exposed_drain);
  });
  ReadPart(document, "processing_element",
           [&](JsonFields&, Part part) { ReadElement(part, array.element); });
  ReadPart(document, "buffers", [&](JsonFields& fields, Part part) {
    part.Integer("weights_bytes", Limits::kBytes, &array.weights_buffer_bytes);
    part.Integer("src_bytes", Limits::kBytes, &array.src_buffer_bytes);
    part.Integer("dst_bytes", Limits::kBytes, &array.dst_buffer_bytes);
    fields.Require("double_buffered");
    fields.Read("double_buffered", &array.double_buffered);
  });
  ReadPart(document, "dram", [&](JsonFields&, Part part) {
    part.Number("bits_per_cycle", Limits::kBitsPerCycle, &array.dram_bits_per_cycle);
  });
  ReadPart(document, "energy",
           [&](JsonFields& fields, Part part) { ReadEnergy(fields, part, array.energy); });
  document.ReadFields("area", [&](JsonFields& fields) {
    fields.ReadNonNegative("element_um2", Limits::kSquareMicrometres, &array.area.element_um2);
    fields.ReadNonNegative("buffer_bit_um2", Limits::kSquareMicrometres,
                           &array.area.buffer_bit_um2);
    fields.RefuseUnknown();
  });
  return array;
}

RooflineProcessor ReadRoofline(JsonFields& document, bool has_energy) {
  RooflineProcessor processor;
  ReadPart(document, "roofline", [&](JsonFields& fields, Part part) {
    fields.Require("operations_per_second");
    fields.Read("operations_per_second", &processor.operations_per_second);
    part.Number("memory_bytes_per_second", Limits::kPerSecond, &processor.memory_bytes_per_second);
    fields.ReadInteger("on_chip_bytes", 0, Limits::kBytes, &processor.on_chip_bytes);
    fields.Read("unpacks_weights", &processor.unpacks_weights);
  });
  if (!has_energy) return processor;
  ReadPart(document, "energy", [&](JsonFields& fields, Part part) {
    std::string technology;
    fields.Require("technology");
    fields.Read("technology", &technology);
    fields.Require("operation_pj");
    fields.Read("operation_pj", &processor.operation_pj);
    part.Energy("memory_64_bits_pj", &processor.memory_64_bits_pj);
  });
  return processor;
}

absl::StatusOr<Accelerator> ReadAccelerator(const json& document) {
  Accelerator accelerator;
  JsonFields fields(document, "");
  fields.Require("name");
  fields.Read("name", &accelerator.name);
  if (fields.status().ok() && !IsPlainName(accelerator.name)) {
    fields.Fail("name", "must be letters, digits, '-' and '_', 64 at most");
  }
  fields.Require("description");
  fields.Read("description", &accelerator.description);
  fields.Require("sources");
  fields.Read("sources", &accelerator.sources);
  HT_RETURN_IF_ERROR(fields.status());
  if (document.contains("array") == document.contains("roofline")) {
    return absl::InvalidArgumentError("must have either a field 'array' or a field 'roofline'");
  }
  if (document.contains("array")) {
    accelerator.machine = ReadArray(fields);
  } else {
    accelerator.machine = ReadRoofline(fields, document.contains("energy"));
  }
  fields.RefuseUnknown();
  HT_RETURN_IF_ERROR(fields.status());
  HT_RETURN_IF_ERROR(CheckAccelerator(accelerator));
  return accelerator;
}

// The places in a description that parameters can change, by name: the fields of its parts, and
// the fields of those by both names, "operations_per_second.w8a8".
std::map<std::string, json*> ParametersOf(json& document) {
  std::map<std::string, json*> parameters;
  for (auto& [part, fields] : document.items()) {
    if (!fields.is_object() || part == "sources") continue;
    for (auto& [name, value] : fields.items()) {
      if (!value.is_object()) {
        parameters.emplace(name, &value);
        continue;
      }
      for (auto& [inner, inner_value] : value.items()) {
        parameters.emplace(absl::StrCat(name, ".", inner), &inner_value);
      }
    }
  }
  return parameters;
}

// Puts "rows=16&clock_mhz=700" into a description. Numbers and truth values are those of JSON,
// everything else is text.
absl::Status ApplyParameters(absl::string_view text, json& document) {
  if (text.size() > kMaxParametersText) {
    return absl::InvalidArgumentError(
        absl::StrCat("parameters of more than ", kMaxParametersText, " characters"));
  }
  std::map<std::string, json*> parameters = ParametersOf(document);
  if (const auto columns = parameters.find("columns"); columns != parameters.end()) {
    parameters.emplace("cols", columns->second);
  }
  std::set<const json*> given;
  for (const absl::string_view part : absl::StrSplit(text, '&')) {
    const std::pair<std::string, std::string> assignment =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    const auto found = parameters.find(assignment.first);
    if (found == parameters.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown parameter ", Quoted(assignment.first), "; there are ",
                       absl::StrJoin(parameters, ", ", [](std::string* out, const auto& parameter) {
                         absl::StrAppend(out, parameter.first);
                       })));
    }
    const json value = json::parse(assignment.second, nullptr, /*allow_exceptions=*/false);
    // Also by another spelling of its name.
    if (!given.insert(found->second).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("parameter ", Quoted(assignment.first), " is given twice"));
    }
    *found->second = value.is_discarded() ? json(assignment.second) : value;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Accelerator> Accelerator::Parse(absl::string_view text, const std::string& origin,
                                               absl::string_view parameters) {
  const std::string where = absl::StrCat("accelerator ", origin);
  absl::StatusOr<json> read = ParseBoundedJson(text);
  if (!read.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(where, " ", read.status().message()));
  }
  json document = *std::move(read);
  if (!parameters.empty() && document.is_object()) {
    HT_RETURN_IF_ERROR(Annotate(ApplyParameters(parameters, document), where));
  }
  absl::StatusOr<Accelerator> accelerator = ReadAccelerator(document);
  if (!accelerator.ok()) return Annotate(accelerator.status(), where);
  if (!parameters.empty()) absl::StrAppend(&accelerator->name, "?", parameters);
  return accelerator;
}

}  // namespace halftone
