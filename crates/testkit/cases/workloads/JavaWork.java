import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.concurrent.*;
import java.util.stream.*;

public class JavaWork {
    static void say(String attempt, boolean fine) {
        System.out.println("{\"attempt\":\"" + attempt + "\",\"result\":\"" + (fine ? "ok" : "wrong") + "\"}");
    }

    public static void main(String[] args) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        int total = 0;
        for (Future<Integer> f : pool.invokeAll(IntStream.range(0, 10).mapToObj(n -> (Callable<Integer>) () -> n * n).collect(Collectors.toList()))) total += f.get();
        pool.shutdown();
        say("threads", total == 285);
        Path a = Path.of("a"), b = Path.of("b");
        Files.write(a, new byte[300000]);
        try (FileChannel from = FileChannel.open(a); FileChannel to = FileChannel.open(b, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            say("transfer", from.transferTo(0, 300000, to) == 300000);
        }
        Process process = new ProcessBuilder("echo", "hello").start();
        say("process", new String(process.getInputStream().readAllBytes()).trim().equals("hello"));
    }
}
