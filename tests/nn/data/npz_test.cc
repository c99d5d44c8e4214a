#include "nn/data/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <ostream>

#include "base/files.h"
#include "tests/nn/data/zip_builder.h"

namespace halftone {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kFloats2[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";

std::string FloatBytes(std::vector<float> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

ZipMember Member(absl::string_view dictionary, absl::string_view elements) {
  return {"x.npy", BuildNpy(dictionary, elements)};
}

class NumpyArchive : public testing::TestWithParam<const char*> {};

TEST_P(NumpyArchive, HasTheArraysThatNumpyWrote) {
  const auto bytes =
      ReadFile(std::string(HALFTONE_SOURCE_DIR) + "/tests/nn/data/" + GetParam() + ".npz");
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto arrays = ReadNpz(*bytes);
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->size(), 13u);
  const Tensor& floats = arrays->at("float32");
  EXPECT_EQ(floats.shape(), (Shape{2, 3, 4}));
  for (int i = 0; i < 24; ++i) {
    EXPECT_EQ(floats.data<float>()[static_cast<size_t>(i)], static_cast<float>(i) / 7);
  }
  EXPECT_THAT(arrays->at("float64").data<double>(), ElementsAre(1.5, -2.25));
  EXPECT_THAT(*arrays->at("float16").ToFloats(), ElementsAre(0.5f, -65504.0f));
  EXPECT_THAT(*arrays->at("int8").ToInts(), ElementsAre(-128, 127));
  EXPECT_THAT(*arrays->at("uint8").ToInts(), ElementsAre(0, 255));
  EXPECT_THAT(*arrays->at("int16").ToInts(), ElementsAre(-32768, 32767));
  EXPECT_THAT(*arrays->at("uint16").ToInts(), ElementsAre(0, 65535));
  EXPECT_THAT(*arrays->at("int32").ToInts(), ElementsAre(-2147483648LL, 2147483647LL));
  EXPECT_THAT(*arrays->at("uint32").ToInts(), ElementsAre(0, 4294967295LL));
  EXPECT_THAT(*arrays->at("int64").ToInts(), ElementsAre(std::numeric_limits<int64_t>::min(),
                                                         std::numeric_limits<int64_t>::max()));
  EXPECT_THAT(*arrays->at("bool").ToInts(), ElementsAre(1, 0, 1));
  EXPECT_EQ(arrays->at("scalar").shape().rank(), 0);
  EXPECT_EQ(arrays->at("scalar").data<float>()[0], 3.25f);
  EXPECT_EQ(arrays->at("empty").shape(), (Shape{0, 5}));
}

INSTANTIATE_TEST_SUITE_P(Npz, NumpyArchive, testing::Values("stored", "deflated"));

TEST(Npz, GivesBackWhatWasWritten) {
  std::map<std::string, Tensor> arrays;
  arrays["a/b:0"] = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  arrays["labels"] = Tensor::Of<int64_t>({3}, {7, 8, 9});
  arrays["flags"] = Tensor::FromBytes(DataType::kBool, {2}, {std::byte{1}, std::byte{0}});
  arrays["none"] = Tensor::Of<float>({0, 4}, {});
  arrays["one"] = Tensor::Scalar<double>(0.125);
  const auto bytes = WriteNpz(arrays);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto read = ReadNpz(*bytes);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->size(), arrays.size());
  for (const auto& [name, array] : arrays) {
    EXPECT_EQ(read->at(name).type(), array.type()) << name;
    EXPECT_EQ(read->at(name).shape(), array.shape()) << name;
    EXPECT_EQ(read->at(name).bytes(), array.bytes()) << name;
  }
  EXPECT_EQ(*WriteNpz(arrays), *bytes);
}

TEST(Npz, RefusesToWriteWhatNumpyDoesNotHave) {
  const Tensor array = Tensor::FromBytes(DataType::kBFloat16, {1}, {std::byte{0}, std::byte{0}});
  const auto bytes = WriteNpz({{"brain", array}});
  EXPECT_EQ(bytes.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(bytes.status().message()), HasSubstr("'brain'"));
}

TEST(Npz, WritesNoEmptyArchive) {
  EXPECT_EQ(WriteNpz({}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Npz, KeepsOnlyTwoTruthValues) {
  const auto arrays = ReadNpz(BuildZip(
      {Member("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", {"\x00\x02\xff", 3})}));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_THAT(arrays->at("x").bytes(), ElementsAre(std::byte{0}, std::byte{1}, std::byte{1}));
}

TEST(Npz, IgnoresTheOrderOfAVector) {
  const auto arrays = ReadNpz(BuildZip(
      {Member("{'shape':(2,),\"fortran_order\":True,'descr':'<f4'}  \n", FloatBytes({1, 2}))}));
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_THAT(arrays->at("x").data<float>(), ElementsAre(1, 2));
}

struct Hostile {
  const char* label;
  std::string bytes;
  absl::StatusCode code;
  const char* message;  // a part of it
};
void PrintTo(const Hostile& archive, std::ostream* out) { *out << archive.label; }

ZipMember Lying(uint64_t size, int method) {
  ZipMember member = Member(kFloats2, FloatBytes({1, 2}));
  member.size = size;
  member.method = method;
  return member;
}

ZipMember Named(std::string name) {
  ZipMember member = Member(kFloats2, FloatBytes({1, 2}));
  member.name = std::move(name);
  return member;
}

ZipMember Flagged(int flags, int method) {
  ZipMember member = Named("x.npy");
  member.flags = flags;
  member.method = method;
  return member;
}

ZipMember WrongChecksum() {
  ZipMember member = Named("x.npy");
  member.crc32 = 1;
  return member;
}

std::string Version(char version) {
  std::string file = BuildNpy(kFloats2, FloatBytes({1, 2}));
  file[6] = version;
  return BuildZip({{"x.npy", file}});
}

std::string LongHeader() {
  std::string file = BuildNpy(kFloats2, FloatBytes({1, 2}));
  file[6] = 2;
  file[8] = file[9] = file[10] = file[11] = '\x7f';
  return BuildZip({{"x.npy", file}});
}

std::vector<Hostile> HostileArchives() {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  constexpr auto kTooMuch = absl::StatusCode::kResourceExhausted;
  const std::string good = BuildZip({Named("x.npy")});
  const std::string floats = FloatBytes({1, 2});
  const auto dictionary = [&](const char* text) { return BuildZip({Member(text, floats)}); };
  const auto shape = [&](const std::string& dims) {
    return dictionary(("{'descr': '<f4', 'fortran_order': False, 'shape': " + dims + "}").c_str());
  };
  const auto type = [&](const std::string& descr) {
    return dictionary(("{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,)}").c_str());
  };
  return {
      {"Empty", "", kInvalid, "0 bytes"},
      {"NotAZip", std::string(1000, 'x'), kInvalid, "not a complete .npz"},
      {"SingleNpy", BuildNpy(kFloats2, floats), kInvalid, "single .npy"},
      {"TruncatedDirectory", good.substr(0, good.size() - 30), kInvalid, "not a complete .npz"},
      {"TruncatedData", good.substr(60), kInvalid, "not a complete .npz"},
      {"MoreEntriesThanThereAre", BuildZip({Named("x.npy")}, 65000), kInvalid,
       "not a complete .npz"},
      {"NotAnArray", BuildZip({Named("readme.txt")}), kInvalid, "'readme.txt'"},
      {"LongName", BuildZip({Named(std::string(600, 'n') + ".npy")}), kInvalid, "longer than"},
      {"Repeated", BuildZip({Named("x.npy"), Named("x.npy")}), kInvalid, "'x' is in the archive"},
      {"Encrypted", BuildZip({Flagged(1, 0)}), kInvalid, "'x' is encrypted"},
      {"OtherCompression", BuildZip({Flagged(0, 12)}), kInvalid, "method 12"},
      {"NotDeflated", BuildZip({Flagged(0, 8)}), kInvalid, "array 'x': damaged"},
      {"Checksum", BuildZip({WrongChecksum()}), kInvalid, "array 'x': damaged"},
      {"StoredSizeLie", BuildZip({Lying(1000, 0)}), kInvalid, "'x' claims 1000 bytes"},
      {"DeflatedSizeLie", BuildZip({Lying(1 << 30, 8)}), kInvalid, "cannot hold"},
      {"Zip64Lie", BuildZip({Lying(uint64_t{1} << 62, 8)}), kInvalid, "cannot hold"},
      {"Zip64LieStored", BuildZip({Lying(UINT64_MAX, 0)}), kInvalid, "cannot hold"},
      {"TooShort", BuildZip({{"x.npy", "\x93NUMPY"}}), kInvalid, "array 'x': too short"},
      {"NoMagic", BuildZip({{"x.npy", std::string(100, '\0')}}), kInvalid, "does not begin"},
      {"Version9", Version(9), kInvalid, "version 9"},
      {"LongHeader", LongHeader(), kInvalid, "claims a length of 2139062143"},
      {"HeaderBeyondEnd", BuildZip({{"x.npy", BuildNpy(kFloats2, "").substr(0, 30)}}), kInvalid,
       "truncated"},
      {"NoDictionary", dictionary("hello"), kInvalid, "no dictionary"},
      {"OpenDictionary", dictionary("{'descr': '<f4', "), kInvalid, "malformed"},
      {"OpenString", dictionary("{'descr': '<f4"), kInvalid, "malformed"},
      {"MissingKey", dictionary("{'descr': '<f4'}"), kInvalid, "missing"},
      {"RepeatedKey", dictionary("{'descr': '<f4', 'descr': '<f8'}"), kInvalid, "repeated key"},
      {"UnknownKey", dictionary("{'\x01key': 1}"), kInvalid, "unexpected"},
      {"TextAfter", dictionary("{'descr':'<f4','fortran_order':False,'shape':(2,)} x"), kInvalid,
       "text after"},
      {"Fortran", dictionary("{'descr':'<f4','fortran_order':True,'shape':(2,1)}"), kInvalid,
       "array 'x': is in Fortran order"},
      {"NoTruth", dictionary("{'descr':'<f4','fortran_order':1,'shape':(2,1)}"), kInvalid,
       "no truth value"},
      {"BigEndian", type("'>f4'"), kInvalid, "array 'x': is big-endian"},
      {"Pickled", type("'|O'"), kInvalid, "array 'x': holds pickled"},
      {"Text", type("'<U7'"), kInvalid, "array 'x': has type '<U7'"},
      {"Complex", type("'<c8'"), kInvalid, "array 'x': has type '<c8'"},
      {"EmptyType", type("''"), kInvalid, "type ''"},
      {"Structure", type("[('a', '<f4')]"), kInvalid, "structures"},
      {"Terabytes", shape("(1000000, 1000000)"), kInvalid, "more than 4294967296 elements"},
      {"Overflow", shape("(4294967296, 4294967296, 4294967296)"), kInvalid, "elements"},
      {"ZeroBesideHuge", shape("(0, 99999999999999)"), kInvalid, "elements"},
      {"BeyondInt64", shape("(99999999999999999999,)"), kInvalid, "no size"},
      {"Negative", shape("(-2,)"), kInvalid, "no size"},
      {"NoTuple", shape("2"), kInvalid, "no tuple"},
      {"TooManyDimensions", shape("(1,1,1,1,1,1,1,1,1,1,1,1,2)"), kInvalid, "dimensions"},
      {"MoreThanThereIs", shape("(3,)"), kInvalid,
       "array 'x': its header claims shape [3] of float32, 12 bytes, but there are 8"},
      {"LessThanThereIs", shape("(1,)"), kInvalid, "claims shape [1]"},
      {"GigabytesClaimed", shape("(1000000000,)"), kInvalid, "but there are 8"},
      {"Bomb",
       *WriteNpz({{"bomb", Tensor::FromBytes(DataType::kUint8, {100'000'000},
                                             std::vector<std::byte>(100'000'000))}}),
       kTooMuch, "array 'bomb'"},
  };
}

class HostileArchive : public testing::TestWithParam<Hostile> {};

TEST_P(HostileArchive, IsRefusedByName) {
  const auto arrays = ReadNpz(GetParam().bytes);
  EXPECT_EQ(arrays.status().code(), GetParam().code) << arrays.status();
  EXPECT_THAT(std::string(arrays.status().message()), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Npz, HostileArchive, testing::ValuesIn(HostileArchives()),
                         [](const auto& info) { return std::string(info.param.label); });

TEST(Npz, StaysWithinItsLimits) {
  const std::string two = BuildZip({Named("x.npy"), Named("y.npy")});
  ASSERT_TRUE(ReadNpz(two).ok());
  const auto check = [&](NpzLimits limits, absl::string_view message) {
    const auto arrays = ReadNpz(two, limits);
    EXPECT_EQ(arrays.status().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(std::string(arrays.status().message()), HasSubstr(std::string(message)));
  };
  check({.max_array_bytes = 50}, "'x' has 75 bytes");
  check({.max_total_bytes = 100}, "'y'");
  check({.max_arrays = 1}, "2 arrays");
  check({.max_expansion = 0, .free_bytes = 100}, "'y'");
}

TEST(Npz, SurvivesEveryTruncationAndEveryFlippedByte) {
  const std::string good = *WriteNpz({{"x", Tensor::Of<float>({2, 3}, {1, 2, 3, 4, 5, 6})}});
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(ReadNpz(good.substr(0, size)).ok()) << size;
  }
  int accepted = 0;
  for (size_t i = 0; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x41);
    accepted += ReadNpz(flipped).ok();
  }
  // Some bytes mean nothing to a reader: times, attributes, the version of the writer, the name.
  EXPECT_LT(accepted, static_cast<int>(good.size()) / 4);
}

}  // namespace
}  // namespace halftone
