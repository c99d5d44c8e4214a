#include "base/bounded_json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

std::string Refusal(const std::string& text, const JsonLimits& limits = {}) {
  const absl::StatusOr<json> document = ParseBoundedJson(text, limits);
  if (document.ok()) return "accepted";
  EXPECT_TRUE(absl::IsInvalidArgument(document.status())) << document.status();
  return std::string(document.status().message());
}

std::string Repeat(const std::string& part, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += part;
  return text;
}

TEST(BoundedJsonTest, BuildsWhatTheLibraryBuilds) {
  for (const char* text :
       {"7", "-7", "1.5e3", "null", "true", R"("a\u00e9\n")", "[]", "{}",
        R"({"a":[1,[2,{"b":null}],[]],"c":{"d":{"e":"f"}},"g":18446744073709551615})"}) {
    const absl::StatusOr<json> document = ParseBoundedJson(text);
    ASSERT_TRUE(document.ok()) << text << ": " << document.status();
    EXPECT_EQ(*document, json::parse(text)) << text;
    EXPECT_EQ(document->dump(), json::parse(text).dump());
  }
}

TEST(BoundedJsonTest, RefusesWhatIsNoJson) {
  for (const char* text : {"", "{", "[1,]", "nan", "{\"a\":1}x", "\"\xff\"", "{a:1}"}) {
    EXPECT_THAT(Refusal(text), StartsWith("is not JSON: ")) << text;
  }
}

TEST(BoundedJsonTest, SaysWhereItCeasesToBeJson) {
  EXPECT_EQ(Refusal(""), "is not JSON: it ends too early, at line 1, column 1");
  EXPECT_EQ(Refusal("{\n \"a\": [1,\n"), "is not JSON: it ends too early, at line 3, column 1");
  EXPECT_EQ(Refusal("{a:1}"), "is not JSON: see line 1, column 2");
  EXPECT_EQ(Refusal("{\"a\": 1,\r\n\n  \"b\" 2}"), "is not JSON: see line 3, column 7");
  EXPECT_EQ(Refusal("[1,\n]"), "is not JSON: see line 2, column 1");
  EXPECT_EQ(Refusal("{}\nx"), "is not JSON: see line 2, column 1");
}

TEST(BoundedJsonTest, RefusesNumbersThatNoDoubleHolds) {
  for (const char* text : {"1e-400", "[-0.003e-340]", "{\"loss\":1e-320}"}) {
    EXPECT_THAT(Refusal(text), HasSubstr("', which is too small to be told from 0")) << text;
  }
  EXPECT_EQ(Refusal("[1, 1e999]"), "has the number '1e999', which is too large");
  EXPECT_EQ(Refusal("[0, -0, 0.0, 0e-400, 1e-300, 1e300]"), "accepted");
}

TEST(BoundedJsonTest, CountsEveryValue) {
  const JsonLimits limits{/*max_values=*/5, /*max_depth=*/10};
  EXPECT_EQ(Refusal("[0,0,0,0]", limits), "accepted");
  EXPECT_THAT(Refusal("[0,0,0,0,0]", limits), HasSubstr("more than 5 values"));
  EXPECT_EQ(Refusal(R"({"a":{"b":[1,2]}})", limits), "accepted");
  EXPECT_THAT(Refusal(R"({"a":{"b":[1,2,[]]}})", limits), HasSubstr("more than 5 values"));
}

TEST(BoundedJsonTest, StopsAtTheLimitWhateverFollows) {
  // Were it read to the end, it would not be JSON.
  EXPECT_THAT(Refusal("[" + Repeat("0,", 100) + "nonsense", {50, 10}),
              HasSubstr("more than 50 values"));
}

TEST(BoundedJsonTest, RefusesWhatIsNestedTooDeep) {
  EXPECT_EQ(Refusal(Repeat("[", 64) + Repeat("]", 64)), "accepted");
  EXPECT_THAT(Refusal(Repeat("[", 65) + Repeat("]", 65)), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(Refusal(Repeat("{\"a\":", 1'000'000)), HasSubstr("nested more than 64 deep"));
}

TEST(BoundedJsonTest, RefusesANameThatIsThereTwice) {
  EXPECT_THAT(Refusal(R"({"rows":1,"columns":{"rows":2},"rows":3})"), HasSubstr("'rows' twice"));
  EXPECT_EQ(Refusal(R"([{"rows":1},{"rows":1}])"), "accepted");
  EXPECT_LT(Refusal(absl::StrCat("{\"", std::string(9000, 'x'), "\":1,\"", std::string(9000, 'x'),
                                 "\":1}"))
                .size(),
            200u);
}

}  // namespace
}  // namespace halftone
