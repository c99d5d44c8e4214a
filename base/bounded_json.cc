#include "base/bounded_json.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/shown_text.h"
#include "base/units.h"

namespace halftone {
namespace {

using nlohmann::json;

// Of nlohmann::json: a number that no double holds.
constexpr int kNumberOverflow = 406;

// Where reading ended, of which `position` bytes were read, the last one in vain.
std::string NoJson(absl::string_view text, size_t position) {
  const absl::string_view before = text.substr(0, position == 0 ? 0 : position - 1);
  const size_t line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t line_start = before.rfind('\n') + 1;  // 0 after npos
  return absl::StrCat("is not JSON: ", position > text.size() ? "it ends too early, at" : "see",
                      " line ", line, ", column ", before.size() - line_start + 1);
}

// Builds the document as the parser goes through it; every handler says whether to go on.
class Builder final : public nlohmann::json_sax<json> {
 public:
  Builder(absl::string_view text, const JsonLimits& limits) : text_(text), limits_(limits) {}

  bool null() override { return Add(nullptr); }
  bool boolean(bool value) override { return Add(value); }
  bool number_integer(number_integer_t value) override { return Add(value); }
  bool number_unsigned(number_unsigned_t value) override { return Add(value); }
  bool string(string_t& value) override { return Add(std::move(value)); }
  bool binary(binary_t&) override { return Refuse("is not JSON: it is binary"); }
  bool start_object(size_t) override { return Open(json::object()); }
  bool start_array(size_t) override { return Open(json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool number_float(number_float_t value, const string_t& digits) override {
    if (IsRoundedToZero(value, digits)) return RefuseNumber(digits, "small to be told from 0");
    return Add(value);
  }

  bool key(string_t& name) override {
    json& object = *open_.back();
    if (object.contains(name)) {
      return Refuse(absl::StrCat("has the name ", Quoted(name), " twice in one object"));
    }
    member_ = &object[std::move(name)];
    return true;
  }

  bool parse_error(size_t position, const std::string& token,
                   const nlohmann::detail::exception& error) override {
    if (error.id == kNumberOverflow) return RefuseNumber(token, "large");
    return Refuse(NoJson(text_, position));
  }

  absl::StatusOr<json> Take() {
    if (!status_.ok()) return status_;
    return std::move(root_);
  }

 private:
  // Where the next value goes. An array's elements may move as it grows, but only while none of
  // them is open.
  json* Place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      open_.back()->push_back(std::move(value));
      return &open_.back()->back();
    }
    *member_ = std::move(value);
    return member_;
  }

  bool Add(json value) {
    if (++values_ > limits_.max_values) {
      return Refuse(absl::StrCat("has more than ", limits_.max_values, " values"));
    }
    Place(std::move(value));
    return true;
  }

  bool Open(json empty) {
    if (++values_ > limits_.max_values) {
      return Refuse(absl::StrCat("has more than ", limits_.max_values, " values"));
    }
    if (open_.size() == limits_.max_depth) {
      return Refuse(absl::StrCat("is nested more than ", limits_.max_depth, " deep"));
    }
    open_.push_back(Place(std::move(empty)));
    return true;
  }

  bool Close() {
    open_.pop_back();
    return true;
  }

  bool RefuseNumber(absl::string_view digits, absl::string_view problem) {
    return Refuse(absl::StrCat("has the number ", Quoted(digits), ", which is too ", problem));
  }

  bool Refuse(absl::string_view problem) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(problem);
    return false;
  }

  const absl::string_view text_;
  const JsonLimits limits_;
  size_t values_ = 0;
  json root_;
  std::vector<json*> open_;  // arrays and objects, the innermost last
  json* member_ = nullptr;   // of the innermost object, named last
  absl::Status status_;
};

}  // namespace

absl::StatusOr<json> ParseBoundedJson(absl::string_view text, const JsonLimits& limits) {
  Builder builder(text, limits);
  json::sax_parse(text.begin(), text.end(), &builder);
  return builder.Take();
}

}  // namespace halftone
