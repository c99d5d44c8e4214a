#include "base/json_fields.h"

#include "base/json_members.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace halftone {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// A type that is read from text.
struct Even {
  int value = 0;
  static absl::StatusOr<Even> Parse(const std::string& text) {
    if (text.size() % 2 == 0) return Even{static_cast<int>(text.size())};
    return absl::InvalidArgumentError("has an odd length");
  }
  std::string ToString() const { return std::string(static_cast<size_t>(value), 'e'); }
};

std::string Error(const json& object, const std::function<void(JsonFields&)>& read) {
  JsonFields fields(object, "");
  read(fields);
  EXPECT_EQ(fields.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(fields.status().message());
}

TEST(JsonFieldsTest, ReadsWhatIsThereAndLeavesTheRest) {
  const json object = json::parse(R"({"text": "ab", "number": 2.5, "count": 7, "none": null,
      "list": [{"x": 1}, {"x": 2}], "inner": {"y": 3}})");
  JsonFields fields(object, "thing");
  std::string text, absent = "as before";
  double number = 0, none = 4;
  std::optional<double> maybe, nothing;
  int count = 0;
  Even even;
  std::vector<double> xs;
  double y = 0;
  fields.Read("text", &text);
  fields.Read("absent", &absent);
  fields.Read("none", &none);
  fields.ReadNonNegative("number", 3, &number);
  fields.ReadPositive("number", 3, &number);
  fields.ReadNonNegative("number", 3, &maybe);
  fields.ReadNonNegative("absent", 3, &nothing);
  fields.ReadInteger("count", 0, 10, &count);
  fields.ReadParsed("text", &even);
  fields.ReadEachFields("list", 2, [&](JsonFields& each) { each.Read("x", &xs.emplace_back()); });
  fields.ReadFields("inner", [&](JsonFields& inner) { inner.Read("y", &y); });
  fields.RefuseUnknown();
  ASSERT_TRUE(fields.status().ok()) << fields.status();
  EXPECT_EQ(text, "ab");
  EXPECT_EQ(absent, "as before");
  EXPECT_EQ(none, 4);
  EXPECT_EQ(number, 2.5);
  EXPECT_EQ(maybe, 2.5);
  EXPECT_FALSE(nothing.has_value());
  EXPECT_EQ(count, 7);
  EXPECT_EQ(even.value, 2);
  EXPECT_EQ(xs, (std::vector<double>{1, 2}));
  EXPECT_EQ(y, 3);
}

TEST(JsonFieldsTest, LimitsAreNamed) {
  const json object = {{"negative", -1}, {"zero", 0}, {"much", 1e9}, {"half", 0.5}, {"odd", "abc"}};
  double value = 0;
  int count = 0;
  Even even;
  EXPECT_EQ(Error(object, [&](JsonFields& f) { f.ReadNonNegative("negative", 9, &value); }),
            "field 'negative' must be at least 0 and at most 9, not -1");
  EXPECT_EQ(Error(object, [&](JsonFields& f) { f.ReadPositive("zero", 9, &value); }),
            "field 'zero' must be more than 0 and at most 9, not 0");
  EXPECT_THAT(Error(object, [&](JsonFields& f) { f.ReadPositive("much", 9, &value); }),
              HasSubstr("not 1e+09"));
  EXPECT_EQ(Error(object, [&](JsonFields& f) { f.ReadPositive("odd", 9, &value); }),
            "field 'odd' must be a number");
  EXPECT_EQ(Error(object, [&](JsonFields& f) { f.ReadInteger("half", 0, 9, &count); }),
            "field 'half' must be an integer from 0 to 9");
  EXPECT_EQ(Error(object, [&](JsonFields& f) { f.ReadParsed("odd", &even); }),
            "field 'odd': has an odd length");
  EXPECT_EQ(Error(object, [&](JsonFields& f) { f.Require("absent"); }),
            "field 'absent' is missing");
}

TEST(JsonFieldsTest, ErrorsGiveTheWholePathAndTheFirstStays) {
  const json object = json::parse(R"({"rows": [{"x": 1}, {"x": "one", "y": 2}], "z": 3})");
  double x = 0;
  const auto read_rows = [&](JsonFields& fields) {
    fields.ReadEachFields("rows", 2, [&](JsonFields& row) { row.Read("x", &x); });
  };
  EXPECT_EQ(Error(object,
                  [&](JsonFields& fields) {
                    read_rows(fields);
                    fields.Require("absent");
                  }),
            "field 'rows[1].x' must be a finite number");
  EXPECT_THAT(
      Error(object, [&](JsonFields& f) { f.ReadEachFields("rows", 1, [](JsonFields&) {}); }),
      HasSubstr("'rows' has more than 1 elements"));
  EXPECT_THAT(Error(object, [&](JsonFields& f) { f.ReadEachFields("z", 1, [](JsonFields&) {}); }),
              HasSubstr("'z' must be an array"));
  EXPECT_THAT(Error(object, [&](JsonFields& f) { f.ReadFields("rows", [](JsonFields&) {}); }),
              HasSubstr("'rows' must be an object"));
  EXPECT_THAT(Error(json::array({1}), [&](JsonFields& f) { f.Require("x"); }),
              HasSubstr("must be a JSON object"));
}

TEST(JsonFieldsTest, WhatNobodyAskedForIsRefusedOnRequest) {
  const json object = json::parse(R"({"known": 1, "inner": {"mispelt": 1}})");
  double value = 0;
  EXPECT_EQ(Error(object,
                  [&](JsonFields& fields) {
                    fields.Read("known", &value);
                    fields.ReadFields("inner", [](JsonFields& inner) { inner.RefuseUnknown(); });
                  }),
            "field 'inner.mispelt' is not a known field");
}

struct Thing {
  std::string name;
  int64_t count = 0;
  bool good = false;
  std::optional<double> maybe;
  Even even;
  std::map<std::string, double> parts;
};

constexpr auto kThingMembers =
    std::tuple(JsonMember("name", &Thing::name), JsonMember("count", &Thing::count),
               JsonMember("good", &Thing::good), JsonMember("maybe", &Thing::maybe),
               JsonMember("even", &Thing::even), JsonMember("parts", &Thing::parts));

TEST(JsonMembersTest, OneListOfMembersWritesAndReads) {
  const Thing thing{"it", 7, true, std::nullopt, {4}, {{"a", 1.5}}};
  const json object = MembersToJson(kThingMembers, thing);
  EXPECT_EQ(object, json::parse(R"({"name": "it", "count": 7, "good": true, "maybe": null,
                                    "even": "eeee", "parts": {"a": 1.5}})"));
  Thing read;
  JsonFields fields(object, "thing");
  ReadMembers(kThingMembers, fields, &read);
  ASSERT_TRUE(fields.status().ok()) << fields.status();
  EXPECT_EQ(MembersToJson(kThingMembers, read), object);
}

TEST(JsonMembersTest, AWrongMemberIsNamed) {
  const auto error = [](const char* name, const json& value) {
    return Error({{name, value}}, [](JsonFields& fields) {
      Thing thing;
      ReadMembers(kThingMembers, fields, &thing);
    });
  };
  EXPECT_THAT(error("count", -1), HasSubstr("'count' must be an integer from 0"));
  EXPECT_THAT(error("even", "abc"), HasSubstr("'even': has an odd length"));
  EXPECT_THAT(error("good", 1), HasSubstr("'good' must be true or false"));
}

}  // namespace
}  // namespace halftone
