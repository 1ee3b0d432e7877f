# What a careless host would load.
import pickle


class Gadget:
    def __reduce__(self):
        return (os.system, ("touch " + HOST["directory"] + "/gadget",))


os.write(1, pickle.dumps(Gadget()) + b"\n")
print("!!python/object/apply:os.system ['touch %s/gadget']" % HOST["directory"])
print("<script>alert(1)</script><svg onload=alert(1)>")
sys.stdout.flush()
say("written", "ok")
