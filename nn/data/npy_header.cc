#include "nn/data/npy_header.h"

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/status_macros.h"

namespace halftone {
namespace {

constexpr absl::string_view kMagic = "\x93NUMPY";

struct TypeCode {
  absl::string_view code;  // without the byte order
  DataType type;
};
constexpr std::array<TypeCode, 12> kTypeCodes = {{
    {"f4", DataType::kFloat32},
    {"f8", DataType::kFloat64},
    {"f2", DataType::kFloat16},
    {"i1", DataType::kInt8},
    {"u1", DataType::kUint8},
    {"i2", DataType::kInt16},
    {"u2", DataType::kUint16},
    {"i4", DataType::kInt32},
    {"u4", DataType::kUint32},
    {"i8", DataType::kInt64},
    {"u8", DataType::kUint64},
    {"b1", DataType::kBool},
}};

absl::Status Malformed(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("malformed .npy header: ", what));
}

absl::StatusOr<DataType> ParseType(absl::string_view descr) {
  const std::string quoted = absl::StrCat("'", absl::CHexEscape(descr.substr(0, 32)), "'");
  if (descr.size() < 2) return Malformed(absl::StrCat("type ", quoted));
  const char order = descr[0];
  const absl::string_view code = descr.substr(1);
  if (absl::StrContains(descr, 'O')) {
    return absl::InvalidArgumentError(
        "holds pickled Python objects, which are not read; convert it to a numeric type");
  }
  for (const TypeCode& entry : kTypeCodes) {
    if (entry.code != code) continue;
    if (order == '>' && SizeOf(entry.type) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("is big-endian (", quoted, "); store it little-endian"));
    }
    if (order == '<' || order == '>' || order == '|') return entry.type;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("has type ", quoted,
                   ", which is none of float16/32/64, int8 to int64, uint8 to uint64, bool"));
}

// Reads the Python dictionary of the header: string keys; strings, truth values and tuples of
// integers as values.
class DictionaryParser {
 public:
  explicit DictionaryParser(absl::string_view text) : text_(text) {}

  absl::Status Parse() {
    if (!Consume("{")) return Malformed("no dictionary");
    while (!Consume("}")) {
      HT_RETURN_IF_ERROR(ParseItem());
      if (Consume(",")) continue;
      if (Consume("}")) break;
      return Malformed("',' or '}' expected");
    }
    Consume("");
    if (!text_.empty()) return Malformed("text after the dictionary");
    if (!descr_ || !fortran_order_ || !shape_) {
      return Malformed("one of 'descr', 'fortran_order', 'shape' is missing");
    }
    return absl::OkStatus();
  }

  const std::string& descr() const { return *descr_; }
  bool fortran_order() const { return *fortran_order_; }
  const std::vector<int64_t>& shape() const { return *shape_; }

 private:
  // Skips white space, then `token` if it is next.
  bool Consume(absl::string_view token) {
    text_ = absl::StripLeadingAsciiWhitespace(text_);
    return absl::ConsumePrefix(&text_, token);
  }

  absl::Status ParseItem() {
    HT_ASSIGN_OR_RETURN(const std::string key, ParseString());
    if (!Consume(":")) return Malformed("':' expected");
    if (key == "descr" && !descr_) {
      if (Consume("[")) {
        return absl::InvalidArgumentError("is an array of structures, which is not read");
      }
      HT_ASSIGN_OR_RETURN(descr_, ParseString());
      return absl::OkStatus();
    }
    if (key == "fortran_order" && !fortran_order_) {
      fortran_order_ = Consume("True");
      return *fortran_order_ || Consume("False") ? absl::OkStatus()
                                                 : Malformed("'fortran_order' is no truth value");
    }
    if (key == "shape" && !shape_) return ParseShape();
    return Malformed(
        absl::StrCat("unexpected or repeated key '", absl::CHexEscape(key.substr(0, 32)), "'"));
  }

  absl::StatusOr<std::string> ParseString() {
    const char quote = Consume("'") ? '\'' : Consume("\"") ? '"' : '\0';
    const size_t end = quote == '\0' ? absl::string_view::npos : text_.find(quote);
    if (end == absl::string_view::npos) return Malformed("a quoted string is expected");
    std::string value(text_.substr(0, end));
    text_.remove_prefix(end + 1);
    return value;
  }

  absl::Status ParseShape() {
    if (!Consume("(")) return Malformed("'shape' is no tuple");
    std::vector<int64_t> dims;
    while (!Consume(")")) {
      if (dims.size() >= size_t{Shape::kMaxRank}) {
        return absl::InvalidArgumentError(
            absl::StrCat("has more than ", Shape::kMaxRank, " dimensions"));
      }
      const size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
      int64_t size;
      if (!absl::SimpleAtoi(text_.substr(0, digits), &size)) {
        return Malformed("'shape' holds something that is no size");
      }
      dims.push_back(size);
      text_.remove_prefix(digits);
      Consume("L");  // Python 2 wrote long integers so
      if (!Consume(",") && !absl::StartsWith(absl::StripLeadingAsciiWhitespace(text_), ")")) {
        return Malformed("'shape' is no tuple");
      }
    }
    shape_ = std::move(dims);
    return absl::OkStatus();
  }

  absl::string_view text_;
  std::optional<std::string> descr_;
  std::optional<bool> fortran_order_;
  std::optional<std::vector<int64_t>> shape_;
};

// The unsigned little-endian number of `size` bytes at `offset`.
size_t LittleEndian(absl::string_view bytes, size_t offset, size_t size) {
  size_t value = 0;
  for (size_t i = size; i-- > 0;)
    value = value << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return value;
}

}  // namespace

absl::StatusOr<NpyHeader> ParseNpyHeader(absl::string_view bytes) {
  const size_t version_at = kMagic.size();
  if (!absl::StartsWith(bytes, kMagic)) {
    return absl::InvalidArgumentError("does not begin as a .npy file");
  }
  if (bytes.size() < version_at + 2) return Malformed("truncated");
  const int version = static_cast<unsigned char>(bytes[version_at]);
  if (version < 1 || version > 3) {
    return Malformed(absl::StrCat("version ", version, " is not known"));
  }
  const size_t length_bytes = version == 1 ? 2 : 4;
  const size_t text_at = version_at + 2 + length_bytes;
  if (bytes.size() < text_at) return Malformed("truncated");
  const size_t length = LittleEndian(bytes, version_at + 2, length_bytes);
  if (length > kMaxNpyHeaderBytes - text_at) {
    return Malformed(absl::StrCat("it claims a length of ", length, " bytes"));
  }
  if (bytes.size() < text_at + length) return Malformed("truncated");

  DictionaryParser dictionary(bytes.substr(text_at, length));
  HT_RETURN_IF_ERROR(dictionary.Parse());
  NpyHeader header;
  HT_ASSIGN_OR_RETURN(header.type, ParseType(dictionary.descr()));
  header.shape = Shape(dictionary.shape());
  HT_RETURN_IF_ERROR(header.shape.Check());
  // With one dimension or none the two orders are the same.
  if (dictionary.fortran_order() && header.shape.rank() > 1) {
    return absl::InvalidArgumentError(
        "is in Fortran order; store it in C order (numpy.ascontiguousarray)");
  }
  header.size = text_at + length;
  return header;
}

namespace {

// The characters of a text; a byte that is no UTF-8 stands for itself, as in Latin-1.
std::u32string DecodeUtf8(absl::string_view text) {
  std::u32string characters;
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<unsigned char>(text[i]);
    const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    char32_t character = length == 1 ? first : first & (0xffu >> (length + 1));
    bool valid = length == 1 || (first >= 0xc2 && first < 0xf5 && i + length <= text.size());
    for (size_t k = 1; valid && k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      valid = (next & 0xc0) == 0x80;
      character = character << 6 | (next & 0x3fu);
    }
    characters.push_back(valid ? character : first);
    i += valid ? length : 1;
  }
  return characters;
}

std::string FormatHeader(absl::string_view descr, const Shape& shape) {
  std::string text =
      absl::StrCat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (",
                   absl::StrJoin(shape.dims(), ", "), shape.rank() == 1 ? "," : "", "), }");
  const size_t before = kMagic.size() + 4;
  text.append(64 - (before + text.size() + 1) % 64, ' ');
  text.push_back('\n');
  std::string header(kMagic);
  header.append(
      {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)});
  return header + text;
}

}  // namespace

absl::StatusOr<std::string> FormatNpyHeader(DataType type, const Shape& shape) {
  HT_RETURN_IF_ERROR(shape.Check());
  absl::string_view code;
  for (const TypeCode& entry : kTypeCodes) {
    if (entry.type == type) code = entry.code;
  }
  if (code.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("numpy has no type ", DataTypeName(type), "; convert it to float32"));
  }
  return FormatHeader(absl::StrCat(SizeOf(type) == 1 ? "|" : "<", code), shape);
}

std::string FormatNpyTexts(const std::vector<std::string>& texts) {
  std::vector<std::u32string> wide;
  size_t width = 1;
  for (const std::string& text : texts) {
    wide.push_back(DecodeUtf8(text));
    width = std::max(width, wide.back().size());
  }
  std::string bytes =
      FormatHeader(absl::StrCat("<U", width), Shape{static_cast<int64_t>(texts.size())});
  for (std::u32string& text : wide) {
    text.resize(width, U'\0');
    for (const char32_t c : text) {
      for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(c >> shift));
    }
  }
  return bytes;
}

}  // namespace halftone
