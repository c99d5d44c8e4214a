#ifndef HALFTONE_BASE_JSON_MEMBERS_H_
#define HALFTONE_BASE_JSON_MEMBERS_H_

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <tuple>

#include "base/json_fields.h"
#include "nlohmann/json.hpp"

namespace halftone {

// A struct as a JSON object by one list of its members, for writing and for reading:
//
//   constexpr auto kTieMembers = std::tuple(JsonMember("layers", &Tie::layers),
//                                           JsonMember("reason", &Tie::reason));
//
// Types that have Parse and ToString are texts, an absent optional is null, integers are read from
// 0 up, and all else is what nlohmann::json writes and JsonFields::Read reads.
template <typename Struct, typename Type>
struct JsonMember {
  constexpr JsonMember(const char* member_name, Type Struct::*pointer)
      : name(member_name), member(pointer) {}
  const char* name;
  Type Struct::*member;
};

template <typename Type>
nlohmann::json MemberToJson(const Type& value) {
  if constexpr (requires { value.ToString(); }) {
    return value.ToString();
  } else {
    return value;
  }
}
template <typename Type>
nlohmann::json MemberToJson(const std::optional<Type>& value) {
  return value.has_value() ? MemberToJson(*value) : nlohmann::json(nullptr);
}

template <typename Type>
void ReadMember(JsonFields& fields, const char* name, Type* value) {
  constexpr bool kBounded =
      std::integral<Type> && !std::same_as<Type, bool> && !std::same_as<Type, uint64_t>;
  if constexpr (kBounded) {
    fields.ReadInteger(name, 0, std::numeric_limits<Type>::max(), value);
  } else if constexpr (requires { Type::Parse(std::string()); }) {
    fields.ReadParsed(name, value);
  } else {
    fields.Read(name, value);
  }
}

template <typename Struct, typename... Types>
nlohmann::json MembersToJson(const std::tuple<JsonMember<Struct, Types>...>& members,
                             const Struct& value) {
  nlohmann::json object = nlohmann::json::object();
  std::apply(
      [&](const auto&... member) {
        ((object[member.name] = MemberToJson(value.*member.member)), ...);
      },
      members);
  return object;
}

// Members that the object does not have stay as they are; errors are kept by `fields`.
template <typename Struct, typename... Types>
void ReadMembers(const std::tuple<JsonMember<Struct, Types>...>& members, JsonFields& fields,
                 Struct* value) {
  std::apply(
      [&](const auto&... member) {
        (ReadMember(fields, member.name, &(value->*member.member)), ...);
      },
      members);
}

}  // namespace halftone

#endif  // HALFTONE_BASE_JSON_MEMBERS_H_
