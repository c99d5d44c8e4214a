#include "profilers/simulated/accelerator.h"

#include <cmath>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace halftone {
namespace {

using nlohmann::json;

constexpr int64_t kMaxFileBytes = 1 << 20;
constexpr double kMaxSide = 1 << 16;
constexpr double kMaxBufferBytes = 1e12;
constexpr double kMaxNumber = 1e9;

// Reads one JSON object and remembers which of its fields were asked for.
class Fields {
 public:
  Fields(const json& object, std::string path) : object_(object), path_(std::move(path)) {}

  absl::StatusOr<std::string> String(const char* name) {
    HT_ASSIGN_OR_RETURN(const json* value, Find(name));
    if (!value->is_string()) return Wrong(name, "must be a string");
    return value->get<std::string>();
  }

  // A number above 0 (or, with `or_zero`, not below) and at most `most`.
  absl::StatusOr<double> Number(const char* name, double most, bool or_zero = false) {
    HT_ASSIGN_OR_RETURN(const json* value, Find(name));
    if (!value->is_number()) return Wrong(name, "must be a number");
    const double number = value->get<double>();
    const bool too_small = or_zero ? number < 0 : number <= 0;
    if (!std::isfinite(number) || too_small || number > most) {
      return Wrong(name, absl::StrCat("must be ", or_zero ? "at least" : "more than",
                                      " 0 and at most ", most, ", not ", number));
    }
    return number;
  }

  absl::StatusOr<int64_t> Integer(const char* name, double most) {
    HT_ASSIGN_OR_RETURN(const double number, Number(name, most));
    if (number != std::floor(number)) return Wrong(name, "must be an integer");
    return static_cast<int64_t>(number);
  }

  absl::StatusOr<Fields> Object(const char* name) {
    HT_ASSIGN_OR_RETURN(const json* value, Find(name));
    if (!value->is_object()) return Wrong(name, "must be an object");
    return Fields(*value, Path(name));
  }

  absl::StatusOr<std::map<std::string, std::string>> Strings() {
    std::map<std::string, std::string> strings;
    for (const auto& [name, value] : object_.items()) {
      HT_ASSIGN_OR_RETURN(strings[name], String(name.c_str()));
    }
    return strings;
  }

  // Fails on a field that nobody asked for: most likely a misspelt one.
  absl::Status Finish() const {
    for (const auto& [name, value] : object_.items()) {
      if (known_.count(name) == 0) return Wrong(name.c_str(), "is not a known field");
    }
    return absl::OkStatus();
  }

  absl::Status Wrong(const char* name, absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("field '", Path(name), "' ", what));
  }

 private:
  absl::StatusOr<const json*> Find(const char* name) {
    known_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end()) return Wrong(name, "is missing");
    return &*found;
  }
  std::string Path(const char* name) const {
    return path_.empty() ? std::string(name) : absl::StrCat(path_, ".", name);
  }

  const json& object_;
  std::string path_;
  std::set<std::string> known_;
};

absl::Status CheckName(const Fields& fields, const std::string& name) {
  bool plain = !name.empty() && name.size() <= 64 && absl::ascii_isalpha(name[0]);
  for (const char c : name) plain &= absl::ascii_isalnum(c) || c == '-' || c == '_';
  if (plain) return absl::OkStatus();
  return fields.Wrong("name", "must be letters, digits, '-' and '_', 64 at most");
}

absl::Status ReadParts(Fields& fields, Accelerator& accelerator) {
  HT_ASSIGN_OR_RETURN(Fields array, fields.Object("array"));
  HT_ASSIGN_OR_RETURN(accelerator.rows, array.Integer("rows", kMaxSide));
  HT_ASSIGN_OR_RETURN(accelerator.columns, array.Integer("columns", kMaxSide));
  HT_ASSIGN_OR_RETURN(accelerator.clock_mhz, array.Number("clock_mhz", kMaxNumber));
  HT_RETURN_IF_ERROR(array.Finish());
  HT_ASSIGN_OR_RETURN(Fields buffers, fields.Object("buffers"));
  HT_ASSIGN_OR_RETURN(accelerator.weights_buffer_bytes,
                      buffers.Integer("weights_bytes", kMaxBufferBytes));
  HT_ASSIGN_OR_RETURN(accelerator.src_buffer_bytes, buffers.Integer("src_bytes", kMaxBufferBytes));
  HT_RETURN_IF_ERROR(buffers.Finish());
  HT_ASSIGN_OR_RETURN(Fields dram, fields.Object("dram"));
  HT_ASSIGN_OR_RETURN(accelerator.dram_bits_per_cycle, dram.Number("bits_per_cycle", kMaxNumber));
  HT_RETURN_IF_ERROR(dram.Finish());
  HT_ASSIGN_OR_RETURN(Fields energy, fields.Object("energy"));
  HT_ASSIGN_OR_RETURN(accelerator.multiply_8x8_pj,
                      energy.Number("multiply_8x8_pj", kMaxNumber, true));
  HT_ASSIGN_OR_RETURN(accelerator.accumulate_pj, energy.Number("accumulate_pj", kMaxNumber, true));
  HT_ASSIGN_OR_RETURN(accelerator.buffer_64_bits_pj,
                      energy.Number("buffer_64_bits_pj", kMaxNumber, true));
  HT_ASSIGN_OR_RETURN(accelerator.dram_64_bits_pj,
                      energy.Number("dram_64_bits_pj", kMaxNumber, true));
  return energy.Finish();
}

absl::StatusOr<Accelerator> ReadAccelerator(const json& document) {
  if (!document.is_object()) return absl::InvalidArgumentError("must be a JSON object");
  Accelerator accelerator;
  Fields fields(document, "");
  HT_ASSIGN_OR_RETURN(accelerator.name, fields.String("name"));
  HT_RETURN_IF_ERROR(CheckName(fields, accelerator.name));
  HT_ASSIGN_OR_RETURN(accelerator.description, fields.String("description"));
  HT_ASSIGN_OR_RETURN(Fields sources, fields.Object("sources"));
  HT_ASSIGN_OR_RETURN(accelerator.sources, sources.Strings());
  HT_RETURN_IF_ERROR(ReadParts(fields, accelerator));
  HT_RETURN_IF_ERROR(fields.Finish());
  return accelerator;
}

}  // namespace

absl::StatusOr<Accelerator> Accelerator::Parse(absl::string_view text, const std::string& origin) {
  const json document = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return absl::InvalidArgumentError(absl::StrCat("accelerator ", origin, ": not valid JSON"));
  }
  absl::StatusOr<Accelerator> accelerator = ReadAccelerator(document);
  if (!accelerator.ok()) {
    return Annotate(accelerator.status(), absl::StrCat("accelerator ", origin));
  }
  return accelerator;
}

absl::StatusOr<Accelerator> Accelerator::Load(const std::string& path) {
  HT_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  return Parse(text, path);
}

}  // namespace halftone
