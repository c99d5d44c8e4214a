#include "profilers/simulated/dataflow.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/files.h"
#include "gtest/gtest.h"
#include "tests/profilers/simulated/accelerators.h"

namespace halftone {
namespace {

constexpr ElementWork kPlain = {8, 8, 1, 1};

// A row of scalesim_goldens.csv, which make_scalesim_goldens.py has written.
struct Golden {
  ProcessorArray array;
  GemmShape gemm;
  double cycles = 0, mapping_percent = 0, src_reads = 0, weights_reads = 0, dst_writes = 0;
};

double Number(absl::string_view text) {
  double number = -1;
  EXPECT_TRUE(absl::SimpleAtod(text, &number)) << text;
  return number;
}

std::vector<Golden> Goldens() {
  const std::map<std::string, Dataflow> dataflows = {{"os", Dataflow::kOutputStationary},
                                                     {"ws", Dataflow::kWeightStationary},
                                                     {"is", Dataflow::kInputStationary}};
  const auto text = ReadFile(std::string(HALFTONE_SOURCE_DIR) +
                             "/tests/profilers/simulated/scalesim_goldens.csv");
  EXPECT_TRUE(text.ok()) << text.status();
  std::vector<std::string> lines = absl::StrSplit(text.value_or(""), '\n', absl::SkipEmpty());
  std::vector<Golden> goldens;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::vector<std::string> cells = absl::StrSplit(lines[i], ',');
    EXPECT_EQ(cells.size(), 11u) << lines[i];
    if (cells.size() != 11) continue;
    Golden& golden = goldens.emplace_back();
    golden.array = Square(1, dataflows.at(cells[0]));
    golden.array.rows = static_cast<int64_t>(Number(cells[1]));
    golden.array.columns = static_cast<int64_t>(Number(cells[2]));
    golden.gemm = {Number(cells[3]), Number(cells[4]), Number(cells[5]), 1};
    golden.cycles = Number(cells[6]);
    golden.mapping_percent = Number(cells[7]);
    golden.src_reads = Number(cells[8]);
    golden.weights_reads = Number(cells[9]);
    golden.dst_writes = Number(cells[10]);
  }
  return goldens;
}

TEST(DataflowTest, CyclesMappingAndAccessesEqualScaleSim) {
  const std::vector<Golden> goldens = Goldens();
  ASSERT_EQ(goldens.size(), 57u);
  for (const Golden& golden : goldens) {
    SCOPED_TRACE(testing::Message()
                 << DataflowName(golden.array.dataflow) << " " << golden.array.rows << "x"
                 << golden.array.columns << ", " << golden.gemm.positions << " x "
                 << golden.gemm.depth << " x " << golden.gemm.channels);
    const Mapping mapping = MapProduct(golden.array, golden.gemm, kPlain);
    EXPECT_EQ(ComputeCycles(golden.array, golden.gemm, mapping), golden.cycles);
    EXPECT_NEAR(100 * mapping.efficiency, golden.mapping_percent, 1e-9);
    const BufferAccesses accesses = CountAccesses(golden.array, golden.gemm, mapping);
    EXPECT_EQ(accesses.src_reads, golden.src_reads);
    EXPECT_EQ(accesses.weights_reads, golden.weights_reads);
    // Of an output-stationary array SCALE-Sim adds rows and columns to each fold's results.
    const double added = golden.array.dataflow == Dataflow::kOutputStationary
                             ? mapping.row_folds * mapping.column_folds *
                                   static_cast<double>(golden.array.rows + golden.array.columns)
                             : 0;
    const double results = golden.gemm.positions * golden.gemm.channels;
    EXPECT_EQ(accesses.sums_written + results + added, golden.dst_writes);
  }
}

// AlexNet's first convolution on a 32 x 32 weight-stationary array.
TEST(DataflowTest, AlexNetConv1TakesThePublishedCycles) {
  const ProcessorArray array = Square(32, Dataflow::kWeightStationary);
  const GemmShape gemm = {3025, 363, 96, 1};
  const Mapping mapping = MapProduct(array, gemm, kPlain);
  EXPECT_EQ(ComputeCycles(array, gemm, mapping), 112'283);
  EXPECT_EQ(100 * mapping.efficiency, 94.53125);
}

TEST(DataflowTest, AnExposedDrainTakesACyclePerRowAndFold) {
  ProcessorArray array = Square(8, Dataflow::kOutputStationary);
  const GemmShape gemm = {100, 64, 32, 1};
  const Mapping mapping = MapProduct(array, gemm, kPlain);
  const double hidden = ComputeCycles(array, gemm, mapping);
  array.exposed_drain = true;
  EXPECT_EQ(ComputeCycles(array, gemm, mapping), hidden + 13 * 4 * 8);
}

TEST(DataflowTest, SeveralProductsShortenTheSumAndSeveralCyclesLengthenTheStream) {
  const ProcessorArray array = Square(32, Dataflow::kWeightStationary);
  const GemmShape gemm = {100, 512, 32, 1};
  const auto cycles = [&](const ElementWork& work) {
    return ComputeCycles(array, gemm, MapProduct(array, gemm, work));
  };
  // 512 = 16 folds of 32 rows; with 4 products per cycle 128 = 4 folds.
  EXPECT_EQ(cycles({8, 8, 1, 1}), 16 * (64 + 32 + 100 - 2) - 1);
  EXPECT_EQ(cycles({4, 4, 4, 1}), 4 * (64 + 32 + 100 - 2) - 1);
  EXPECT_EQ(cycles({16, 16, 1, 4}), 16 * (64 + 32 + 400 - 2) - 1);
}

// Cycles of BISMO: w a ceil(M/8) ceil(N/8) ceil(K/256).
TEST(DataflowTest, ABroadcastArrayNeitherFillsNorDrains) {
  const auto array = std::get<ProcessorArray>(FromCatalogue("bismo-like").machine);
  const GemmShape gemm = {100, 600, 30, 2};
  const ElementWork work = *ElementWorkOf(array.element, 3, 5);
  EXPECT_EQ(ComputeCycles(array, gemm, MapProduct(array, gemm, work)), 2 * 15 * 13 * 4 * 3);
}

TEST(DataflowTest, EachChunkFillsTheArrayAgain) {
  const ProcessorArray array = Square(32, Dataflow::kInputStationary);
  const GemmShape gemm = {64, 64, 100, 1};
  const Mapping mapping = MapProduct(array, gemm, kPlain);
  EXPECT_EQ(ComputeCycles(array, gemm, mapping, 3), 4 * (3 * (64 + 32 - 2) + 100) - 1);
  EXPECT_EQ(CountAccesses(array, gemm, mapping, 3).src_reads, 3 * 64 * 64);
}

}  // namespace
}  // namespace halftone
